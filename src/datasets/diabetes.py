"""Progression of diabetes one year on, from 10 measures of a patient: a regression.

442 patients (Efron, Hastie, Johnstone and Tibshirani, 2004, Least angle regression), inside scikit-learn: no
download. The columns are in their own units. Split 60/20/20.
"""

from sklearn.datasets import load_diabetes

from src.data import Data
from src.preprocess.tables import from_matrix
from src.specs import Columns, Values

INPUTS, OUTPUTS = (Columns,), (Values,)


def load() -> Data:
    """The patients, one raw input a column."""
    diabetes = load_diabetes(scaled=False)
    values = Values(("progression",), unit="points")
    return from_matrix(diabetes.feature_names, diabetes.data, diabetes.target.astype("float32")[:, None], values)
