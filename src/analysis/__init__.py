"""What predictions show of a model: how sure its figures are, where it errs, and on which examples."""
