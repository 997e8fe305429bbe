from dataclasses import dataclass

from src.specs import Output


@dataclass(frozen=True)
class Mask(Output):
    """The class of each pixel; the target is int32 (batch, height, width), the prediction logits for each class."""

    height: int
    width: int
    names: tuple[str, ...]
    counts: tuple[int, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.height, self.width, len(self.names))
