"""The branch of settings: a value that does not fit its setting."""

from __future__ import annotations

from hedgerow.errors.root import HedgerowError

__all__ = ["SettingsError"]


class SettingsError(HedgerowError):
    """A value that does not fit its setting.

    Args:
        setting: The setting's name.
        problem: What is wrong with its value.
    """

    reason = "settings"

    def __init__(self, setting: str, problem: str) -> None:
        self.setting = setting
        self.problem = problem
        super().__init__(f"The setting {setting} does not fit: {problem}.")
