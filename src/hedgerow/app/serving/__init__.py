"""What the doors of a serving process ask for, one function for each route.

Each takes the database that stays open, or the service around it, and whoever acts; it opens the transactions itself
and keeps them short. The functions of the same names one floor up open the database for a single command.
"""
