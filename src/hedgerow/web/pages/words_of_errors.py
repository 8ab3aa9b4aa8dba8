"""What errors say that anybody may meet on a page, so that each catalogue holds it.

Only sentences that never change can be translated: an error that names a number, a field or a reason stays English.
A test wants each of these to be said by an error, word for word.
"""

from __future__ import annotations

from typing import Final

from hedgerow.web.pages.language import marked

__all__ = ["PHRASES", "SENTENCES"]

SENTENCES: Final = (
    marked("Some parts of the request do not fit."),
    marked("Something went wrong here, and it was written down."),
    # of accounts
    marked("The name, the password or the code is wrong, or there were too many attempts: wait a while and try again."),
    marked("The code is wrong: check the clock of the device that shows it, and enter the next one."),
    marked("You are not logged in any more: log in again."),
    marked("This link was used, has expired or never was one: ask for a new one."),
    marked("This form does not belong to your session: go back, load the page again and repeat it."),
    marked(
        "Logins are taken over https, or on this machine itself (localhost). Behind a proxy that speaks https, set "
        "server.public_url to the address that people use."
    ),
    marked(
        "The login provider knows you, and nobody here is linked to you. Log in with your password and link your "
        "account on the page Account; if you have none, ask an admin for an invitation."
    ),
    marked(
        "This is no name for a user: use 1 to 100 letters a to z, digits and the signs . _ - @ +, beginning with a "
        "letter or digit."
    ),
    marked("What others see of a user has 1 to 200 characters, none of them a control character."),
    marked("There is no user of that name."),
    marked("There is a user of that name already."),
    marked("This is the last active admin: make another one first."),
    # of cases, and of looking at media
    marked("There is no such case."),
    marked("There is no such submission."),
    marked("There is no such decision."),
    marked("There is no such suppression, or it was lifted already."),
    marked("This is a break. Nothing is shown until it is over."),
    marked("This is of a category that you chose not to look at. Give the case back: others will take it."),
    # of evidence
    marked("There is no such evidence."),
    marked("There is no such hold, or it was lifted already."),
    marked("There is no such request about evidence."),
    marked("There is no such custodian, or it was retired already."),
    marked("Who asked for this cannot agree to it: a second person is needed."),
)
"""As `hedgerow.errors` and `hedgerow.web.problems` say them."""

PHRASES: Final = (
    marked("Bad Request"),
    marked("Forbidden"),
    marked("Not Found"),
    marked("Method Not Allowed"),
    marked("Conflict"),
    marked("Gone"),
    marked("Request Entity Too Large"),
    marked("Content Too Large"),
    marked("Unprocessable Entity"),
    marked("Unprocessable Content"),
    marked("Too Many Requests"),
    marked("Internal Server Error"),
    marked("Bad Gateway"),
    marked("Service Unavailable"),
    marked("Gateway Timeout"),
)
"""The statuses as HTTP calls them (RFC 9110, 15); two of them have an older name too."""
