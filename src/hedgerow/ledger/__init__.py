"""The ledger: signals of what was submitted, kept for a while so that one can look back; never media.

A *row* holds the signals of one submission until its time is over. A *look-back* searches the rows for entries of a
bank that was filled after they came: it is asked for, claimed, and done bit by bit, and its row is its own queue. The
*horizon* tells up to which row nothing can appear any more.
"""

from hedgerow.ledger.horizon import Horizon, horizon, is_complete
from hedgerow.ledger.look_backs import (
    advance,
    begin,
    claim_look_back,
    extend,
    fail,
    find_look_back,
    finish,
    give_back,
    has_due,
    has_uncollected,
    list_look_backs,
    request_for_added,
    request_look_back,
    stop_look_back,
)
from hedgerow.ledger.model import LedgerRow, LookBack, LookBackClaim, LookBackState
from hedgerow.ledger.packing import pack_signals, unpack_signals
from hedgerow.ledger.records import behind, catch_up_done, count_rows, expire, has_rows, hold_row, record, rows_after
from hedgerow.ledger.rules import LEASE, MOST_ATTEMPTS, retry_delay

__all__ = [
    "LEASE",
    "MOST_ATTEMPTS",
    "Horizon",
    "LedgerRow",
    "LookBack",
    "LookBackClaim",
    "LookBackState",
    "advance",
    "begin",
    "behind",
    "catch_up_done",
    "claim_look_back",
    "count_rows",
    "expire",
    "extend",
    "fail",
    "find_look_back",
    "finish",
    "give_back",
    "has_due",
    "has_rows",
    "has_uncollected",
    "hold_row",
    "horizon",
    "is_complete",
    "list_look_backs",
    "pack_signals",
    "record",
    "request_for_added",
    "request_look_back",
    "retry_delay",
    "rows_after",
    "stop_look_back",
    "unpack_signals",
]
