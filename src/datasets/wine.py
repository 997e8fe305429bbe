"""Chemical analysis of wines from three growers, 13 columns, 3 classes.

178 wines from the UCI repository (Aeberhard and Forina, 1991; CC BY 4.0), inside scikit-learn: no download. Split
60/20/20 by class.
"""

from sklearn.datasets import load_wine

from src.data import Data
from src.preprocess.tables import from_matrix
from src.specs import Classes, Columns

INPUTS, OUTPUTS = (Columns,), (Classes,)


def load() -> Data:
    """The wines, one raw input a column."""
    wine = load_wine()
    classes = Classes(tuple(str(name) for name in wine.target_names))
    return from_matrix(wine.feature_names, wine.data, wine.target.astype("int32"), classes)
