"""Words of ours, and what they are in a CyberTipline document."""

from __future__ import annotations

from typing import Final

__all__ = ["FILE_TAGS", "INCIDENT_OF_CLASSIFIED", "REPORTED", "REPORT_TAGS", "RULES", "SUPPLEMENTAL", "UPLOAD"]

INCIDENT_OF_CLASSIFIED: Final = "Child Pornography (possession, manufacture, and distribution)"
"""What a file of one of the classes A1 to B2 is: they are classes of nothing else. Other types a person chooses."""

REPORTED: Final = "Reported"
SUPPLEMENTAL: Final = "Supplemental Reported"
UPLOAD: Final = "Upload"

FILE_TAGS: Final = {
    "anime": "animeDrawingVirtualHentai",
    "drawing": "animeDrawingVirtualHentai",
    "virtual": "animeDrawingVirtualHentai",
    "meme": "potentialMeme",
    "viral": "viral",
    "self_produced": "possibleSelfProduction",
    "physical_harm": "physicalHarm",
    "violence": "violenceGore",
    "gore": "violenceGore",
    "bestiality": "bestiality",
    "live_stream": "liveStreaming",
    "infant": "infant",
    "generated": "generativeAi",
}
"""A decision's tag → the annotation of its files. Other tags are for colleagues, and are told to nobody."""

REPORT_TAGS: Final = {
    "sextortion": "sextortion",
    "solicitation": "csamSolicitation",
    "between_minors": "minorToMinorInteraction",
    "spam": "spam",
    "sadistic": "sadisticOnlineExploitation",
}
"""A decision's tag → the annotation of the report."""

RULES: Final = {
    "R01": "The incident lies in the past.",
    "R02": "Why it is urgent is not blank. To say anything there makes the report urgent.",
    "R03": "The reporting person has an e-mail address.",
    "R04": "A report names one reported person at most, unless it is batched.",
    "R05": "An e-mail address of an e-mail or newsgroup incident is one of the reported person's, an intended "
    "recipient's or a victim's, too.",
    "R06": "Addresses are whole: http, https or ftp, a host, no blanks, no control characters.",
    "R07": "An IP address is IPv4, IPv6, or IPv4 written as IPv6.",
    "R08": "A port lies between 1 and 65535.",
    "R09": "Times of events, of uploads, of verification and of disabling, and dates of birth, lie in the past.",
    "R10": "A phone number does not begin with the country calling code that is stated beside it.",
    "R11": "What has a time of verification is stated to be verified.",
    "R12": "A user is told of a disabled account no earlier than it is disabled, and it is enabled again after that.",
    "R13": "A location has its country; in the United States a city has its state, and a region is one.",
    "R14": "An age lies between 0 and 150. An associated account has an approximate age or a date of birth, not both.",
    "R15": "An earlier report is one of the same environment.",
    "R16": "Where the EXIF data was viewed, the file was viewed.",
    "R17": "A file with a classification, or annotated as potential meme, is Reported and no supplement.",
    "R18": "A file belongs to the report that is open. Filled in while it is filed.",
    "R19": "The number of a file is the one that the authority gave. Filled in while it is filed.",
    "B01": "Batched: each reported person has an account id, and nothing else.",
    "B02": "Batched: no urgency, no place on the internet, no law enforcement, no recipients, no victims, no "
    "additional information.",
    "B03": "Batched: one file at most.",
    "B04": "Batched: the file is annotated as viral, potential meme or both, and nothing else, and is Reported.",
    "B05": "Batched: nothing is said of the file's name, address, digests, IP, devices, details, and no text.",
}
"""What the documentation asks for beyond the schema. Each is checked before a report can be approved."""
