"""HMA: what Meta's Hasher-Matcher-Actioner keeps beside a bank, for clients that speak its interface.

A *content* is a piece of known media, numbered from 1, that holds one or more entries of a bank; it can be disabled for
a time, and carries a note and metadata. A bank's *ratio* says for which share of the lookups it is searched.
"""
