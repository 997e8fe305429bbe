"""What a request can end in: TensorFlow's codes, each with its HTTP status."""

STATUS = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "DATA_LOSS": 500,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "PERMISSION_DENIED": 403,
    "UNAUTHENTICATED": 401,
    "RESOURCE_EXHAUSTED": 429,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
    "UNIMPLEMENTED": 501,
    "CANCELLED": 499,
    "ABORTED": 409,
    "UNKNOWN": 500,
    "INTERNAL": 500,
}


class Refused(Exception):
    """A request, or a load, that ends in an error.

    Args:
        message: for whoever asked.
        code: TensorFlow's name of it.
    """

    def __init__(self, message: str, code: str = "INVALID_ARGUMENT"):
        super().__init__(message)
        self.message, self.code = message, code

    @property
    def status(self) -> int:
        """The HTTP status."""
        return STATUS.get(self.code, 500)
