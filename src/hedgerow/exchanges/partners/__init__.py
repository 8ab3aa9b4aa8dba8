"""Partners: one file for each protocol that is spoken with somebody who has lists of known signals.

A *partner* is an adapter (`hedgerow.exchanges.model.Partner`); what it gives are pages of records and withdrawals.
"""
