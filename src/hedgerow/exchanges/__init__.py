"""Exchanges: what partners know comes into banks, what they withdraw goes, and what is decided here is said to them.

A *partner* is the adapter of one protocol. What it says consists of *records*, each of which claims the entries of its
signals; a *withdrawal* takes a record back. A *checkpoint* is what a partner needs to go on, a *walk* goes through its
whole set. An *opinion* is what is said to a partner about one of its records because of a decision. A *sharing* is a
bank of this house that others may read, as their partner.
"""
