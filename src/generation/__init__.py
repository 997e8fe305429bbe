"""Making texts and images, and judging them."""
