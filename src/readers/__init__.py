"""Files as people have them: tables, folders, pictures, TensorFlow Datasets."""
