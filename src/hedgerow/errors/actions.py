"""The branch of actions: something about webhooks."""

from __future__ import annotations

from hedgerow.errors.root import HedgerowError

__all__ = [
    "ActionError",
    "DeliveryNotFound",
    "EndpointNotFound",
    "EndpointPaused",
    "InvalidEndpoint",
    "InvalidWebhookSignature",
    "LeaseLost",
    "ServerSupportMissing",
]


class ActionError(HedgerowError):
    """Something about webhooks."""

    reason = "action"


class InvalidEndpoint(ActionError):
    """An address, or an event, that is none.

    Args:
        problem: What is wrong, as the end of a sentence, without the address.
    """

    reason = "invalid_endpoint"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"This is no endpoint for webhooks: {problem}.")


class EndpointNotFound(ActionError):
    """There is no endpoint of that number.

    Args:
        number: The number.
    """

    reason = "endpoint_not_found"

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(f"There is no webhook endpoint {number}.")


class EndpointPaused(ActionError):
    """Nothing is sent to this endpoint.

    Args:
        number: Its number.
    """

    reason = "endpoint_paused"

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(f"Nothing is sent to webhook endpoint {number}: `hedgerow webhook change {number} --active`.")


class DeliveryNotFound(ActionError):
    """There is no delivery of that number.

    Args:
        number: The number.
    """

    reason = "delivery_not_found"

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(f"There is no webhook delivery {number}.")


class LeaseLost(ActionError):
    """Somebody else took over what we were trying; what came of it is not recorded.

    Args:
        number: The delivery's number.
    """

    reason = "lease_lost"

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(f"Delivery {number} took so long that another process has taken it over.")


class InvalidWebhookSignature(ActionError):
    """A message that we did not sign, or an old one.

    Args:
        problem: What is wrong, as the end of a sentence.
    """

    reason = "invalid_webhook_signature"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"This message must not be believed: {problem}.")


class ServerSupportMissing(ActionError):
    """What the service needs is not installed.

    Args:
        package: Its name.
    """

    reason = "server_support_missing"

    def __init__(self, package: str) -> None:
        self.package = package
        super().__init__(f"This needs {package}, which is not installed: run `pip install 'hedgerow[server]'`.")
