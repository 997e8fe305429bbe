from dataclasses import dataclass

from src.specs import Numbers


@dataclass(frozen=True)
class Blocks(Numbers):
    """Up to `most` boxes; the target is {"box": (batch, most, 4), "label": (batch, most), "count": (batch,)}."""

    names: tuple[str, ...]
    most: int

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.most * (5 + len(self.names)),)
