"""The branch of policy: something about what matches lead to."""

from __future__ import annotations

from hedgerow.errors.root import HedgerowError

__all__ = ["DryRunMissing", "NoActivePolicy", "PolicyError", "PolicyInvalid", "PolicyNotFound"]


class PolicyError(HedgerowError):
    """Something about what matches lead to."""

    reason = "policy"


class PolicyInvalid(PolicyError):
    """A text that is no policy.

    Args:
        problems: What is wrong with it, each with its line where that is known ("line 12: unknown key 'bnak'").
    """

    reason = "policy_invalid"

    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        super().__init__("This is no policy: " + "; ".join(problems) + ".")


class PolicyNotFound(PolicyError):
    """There is no such version.

    Args:
        version: The number that was asked for.
    """

    reason = "policy_not_found"

    def __init__(self, version: int) -> None:
        self.version = version
        super().__init__(f"There is no version {version} of the policy.")


class NoActivePolicy(PolicyError):
    """Nothing says what a match leads to."""

    reason = "no_active_policy"

    def __init__(self) -> None:
        super().__init__("No policy is active, so nothing says what a match leads to: activate a version first.")


class DryRunMissing(PolicyError):
    """Nobody has looked at what this version would change.

    Args:
        version: The version that was to be activated.
    """

    reason = "dry_run_missing"

    def __init__(self, version: int) -> None:
        self.version = version
        super().__init__(
            f"Version {version} of the policy was not tried on past matches within a day, beside the version that is "
            "active now: do so first, and look at what would change."
        )
