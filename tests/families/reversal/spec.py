from dataclasses import dataclass

from src.specs import Output


@dataclass(frozen=True)
class Letters(Output):
    """A text; the target is the text itself, (batch,), the prediction logits (batch, time, len(tokens))."""

    tokens: tuple[str, ...]
    length: int

    @property
    def shape(self) -> tuple[int | None, ...]:
        return (None, len(self.tokens))
