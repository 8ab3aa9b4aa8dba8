"""The command ``hedgerow`` itself: its list of commands, its common options, its errors.

Commands are imported when they are called, so that ``hedgerow --help`` needs neither NumPy nor a database.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import click

from hedgerow import __version__
from hedgerow.cli.exits import FAILED, INTERRUPTED, exit_code
from hedgerow.errors import HedgerowError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["COMMANDS", "LazyGroup", "hedgerow", "main"]

COMMANDS: Final = {
    "hash": ("hedgerow.cli.hashing", "Print the signals of files."),
    "compare": ("hedgerow.cli.hashing", "Say how alike two pictures or videos are."),
    "bank": ("hedgerow.cli.banks", "Create, fill, list, export and prune banks of known signals."),
    "import": ("hedgerow.cli.hma", "Take banks over from another system."),
    "match": ("hedgerow.cli.matching", "Look up files in the banks."),
    "scan": ("hedgerow.cli.scanning", "Look up whole folders and archives, and write a report."),
    "known-good": ("hedgerow.cli.known_good", "Make a set of known software, which a scan need not decode."),
    "group": ("hedgerow.cli.scanning", "Find near-duplicates within folders."),
    "evaluate": ("hedgerow.cli.evaluating", "Measure how well altered copies of ordinary pictures are found."),
    "serve": ("hedgerow.cli.serve", "Answer requests over HTTP: the API, and the door that speaks HMA's."),
    "worker": ("hedgerow.cli.worker", "Do what falls due: send webhooks, let decisions take effect, look back."),
    "lookback": ("hedgerow.cli.lookback", "Look for what was submitted before it was known."),
    "user": ("hedgerow.cli.accounts", "Add, list, change and disable the people who use the service."),
    "key": ("hedgerow.cli.accounts", "Add, list and revoke the API keys of programs."),
    "policy": ("hedgerow.cli.policies", "Check, try and activate what matches lead to."),
    "exchange": ("hedgerow.cli.exchanges", "Take in what partners know, and withdraw what they withdraw."),
    "share": ("hedgerow.cli.sharing", "Let other Hedgerows read a bank, and hear what they say of it."),
    "shield": ("hedgerow.cli.shield", "Ask Project Arachnid for a second opinion on a hash of a case."),
    "webhook": ("hedgerow.cli.webhooks", "Tell the platform by webhook, and see what it has confirmed."),
    "audit": ("hedgerow.cli.auditing", "Export, verify and sign the record of what was done."),
    "evidence": ("hedgerow.cli.evidence", "Show, verify, hold, open and destroy what is kept of cases."),
    "report": ("hedgerow.cli.reports", "Draft, approve and file reports to the authority, and see what is late."),
    "backup": ("hedgerow.cli.backup", "Write everything that Hedgerow remembers to one file, while it runs."),
    "restore": ("hedgerow.cli.backup", "Put a backup into an empty data folder and database."),
    "simulate": ("hedgerow.cli.simulate", "Play a partner's service on this machine, to rehearse."),
    "doctor": ("hedgerow.cli.doctor", "Examine settings, database, indexes, clock, disk, keys and hashing."),
    "demo": ("hedgerow.cli.demo", "Make a bank from ordinary pictures and find altered copies of them."),
    "selftest": ("hedgerow.cli.selftest", "Reproduce the published vectors on this machine."),
    "completion": ("hedgerow.cli.completion", "Print the shell completion script."),
    "version": ("hedgerow.cli.version", "Print the versions that decide what a signal is."),
}
"""Command → module that holds it, one line about it. A test compares each line with the command's own."""


class LazyGroup(click.Group):
    """A group whose commands are imported on first use.

    Args:
        lazy: Command → (module, short help). The module has the command under the same name plus ``_command``.
    """

    def __init__(
        self,
        *args: Any,  # noqa: ANN401  (click's own)
        lazy: Mapping[str, tuple[str, str]] | None = None,
        **attributes: Any,  # noqa: ANN401  (as above)
    ) -> None:
        super().__init__(*args, **attributes)
        self._lazy = dict(lazy or {})

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  (click's signature)
        """Name the commands, in the order of the story."""
        return [*self._lazy, *self.commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in self._lazy:
            return super().get_command(ctx, cmd_name)
        command: click.Command = getattr(
            import_module(self._lazy[cmd_name][0]), f"{cmd_name.replace('-', '_')}_command"
        )
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        if not self._lazy:
            super().format_commands(ctx, formatter)
            return
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in self._lazy.items()])


@click.group(
    cls=LazyGroup,
    lazy=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="hedgerow")
@click.option(
    "--data",
    metavar="DIR",
    help="Folder of the database and indexes. [env HEDGEROW_DATA; default: ./hedgerow-data]",
)
@click.pass_context
def hedgerow(ctx: click.Context, data: str | None) -> None:
    """Find known abuse material by hash.

    Exit status: 0 nothing matched, 1 something matched, 2 usage, 3 something could not be checked, 4 failure.
    """
    ctx.obj = data


def main() -> None:
    """Run the command line; the entry point of the package."""
    # One process hashes one file at a time; BLAS threads would only fight over the cores.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        status = hedgerow.main(prog_name="hedgerow", standalone_mode=False)
    except click.exceptions.Exit as exit_:
        status = exit_.exit_code
    except click.Abort:
        status = INTERRUPTED
    except KeyboardInterrupt:
        status = INTERRUPTED
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except HedgerowError as error:
        click.echo(f"hedgerow: {error}", err=True)
        status = exit_code(error)
    except BrokenPipeError:
        # The reader of our output went away (`hedgerow … | head`): nothing more to say, and nothing went wrong here.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    except OSError as error:
        click.echo(f"hedgerow: {error.strerror or error}", err=True)
        status = FAILED
    sys.exit(status if isinstance(status, int) else 0)
