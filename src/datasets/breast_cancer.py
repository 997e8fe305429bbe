"""Breast cancer, malignant or benign, from 30 measures of cell nuclei: 2 classes.

569 patients from the UCI repository (Wolberg, Street and Mangasarian, 1995; CC BY 4.0), inside scikit-learn: no
download. Split 60/20/20 by class.
"""

from sklearn.datasets import load_breast_cancer

from src.data import Data
from src.preprocess.tables import from_matrix
from src.specs import Classes, Columns

INPUTS, OUTPUTS = (Columns,), (Classes,)


def load() -> Data:
    """The patients, one raw input a column."""
    cancer = load_breast_cancer()
    classes = Classes(tuple(str(name) for name in cancer.target_names))
    return from_matrix(cancer.feature_names, cancer.data, cancer.target.astype("int32"), classes)
