"""A trained model in the browser, from its export alone."""
