"""The branch of simulators: a partner's service cannot be played."""

from __future__ import annotations

from hedgerow.errors.root import HedgerowError

__all__ = ["InvalidFault", "RealNameRefused", "SimulatorError", "SimulatorSupportMissing", "SimulatorUnusable"]


class SimulatorError(HedgerowError):
    """A partner's service cannot be played."""

    reason = "simulator"


class InvalidFault(SimulatorError):
    """A fault that cannot be played.

    Args:
        problem: What is wrong, as the end of a sentence.
    """

    reason = "invalid_fault"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"This fault cannot be played: {problem}.")


class RealNameRefused(SimulatorError):
    """A simulator that would answer under the name of the real service.

    Args:
        host: The name.
    """

    reason = "real_name_refused"

    def __init__(self, host: str) -> None:
        self.host = host
        super().__init__(f"A simulator never answers under the name {host}: that is the real service's own.")


class SimulatorUnusable(SimulatorError):
    """The port or the file of a simulator cannot be had.

    Args:
        problem: What is wrong, as the end of a sentence.
    """

    reason = "simulator_unusable"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"The simulator cannot run: {problem}.")


class SimulatorSupportMissing(SimulatorError):
    """What simulators need is not installed.

    Args:
        package: Its name.
    """

    reason = "simulator_support_missing"

    def __init__(self, package: str) -> None:
        self.package = package
        super().__init__(f"Simulators need {package}, which is not installed: run `pip install 'hedgerow[server]'`.")
