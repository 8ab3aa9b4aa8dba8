"""Screenshots of a picture: a phone's feed, a browser's page, a chat, a gallery, in light and dark.

Drawn with shapes and Pillow's own font, in the sizes in which messengers pass screenshots on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from PIL import Image, ImageDraw

from hedgerow.evaluation.frames import rounded_mask
from hedgerow.evaluation.overlays import font, word_list

if TYPE_CHECKING:
    from hedgerow.evaluation.chance import Chance, Colour, Maker

__all__ = ["DARK", "LIGHT", "browser_page", "chat", "gallery", "phone_feed"]

_PHONE: Final = (720, 1560)  # 1080 × 2340, the usual phone, as messengers pass it on
_WINDOW: Final = (1280, 800)
_STATUS = 52  # height of the line with clock and battery


@dataclass(frozen=True, slots=True)
class Theme:
    """The colours of an application."""

    ground: Colour
    raised: Colour
    ink: Colour
    faint: Colour
    accent: Colour


LIGHT: Final = Theme((255, 255, 255), (243, 244, 246), (20, 22, 26), (142, 146, 152), (24, 119, 242))
DARK: Final = Theme((0, 0, 0), (28, 28, 32), (236, 237, 240), (128, 132, 140), (64, 150, 255))


def _contained(image: Image.Image, width: int, height: int) -> Image.Image:
    """Scale it to the largest size that fits (enlarging too, as applications do)."""
    scale = min(width / image.width, height / image.height)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.BICUBIC)


def _status_line(draw: ImageDraw.ImageDraw, theme: Theme, chance: Chance, width: int) -> None:
    """Draw clock, signal bars and battery."""
    clock = f"{chance.random.randint(0, 23)}:{chance.random.randint(0, 59):02d}"
    draw.text((34, 14), clock, font=font(26), fill=theme.ink)
    for bar in range(4):
        draw.rectangle((width - 150 + bar * 9, 36 - bar * 5, width - 145 + bar * 9, 38), fill=theme.ink)
    draw.arc((width - 108, 18, width - 80, 46), 225, 315, fill=theme.ink, width=4)
    draw.rounded_rectangle((width - 68, 18, width - 30, 38), 5, outline=theme.ink, width=2)
    charge = chance.random.uniform(0.15, 1)
    draw.rectangle((width - 65, 21, width - 65 + 32 * charge, 35), fill=theme.ink)
    draw.rectangle((width - 29, 24, width - 27, 32), fill=theme.ink)


def _home_bar(draw: ImageDraw.ImageDraw, theme: Theme, width: int, height: int) -> None:
    draw.rounded_rectangle((width * 0.32, height - 18, width * 0.68, height - 12), 3, fill=theme.ink)


def _glyphs(draw: ImageDraw.ImageDraw, theme: Theme, places: list[tuple[float, float]], side: int) -> None:
    """Draw simple outlined buttons: a heart-like circle, a bubble, an arrow, a flag, in turn."""
    for number, (x, y) in enumerate(places):
        box = (x, y, x + side, y + side)
        match number % 4:
            case 0:
                draw.ellipse(box, outline=theme.ink, width=3)
            case 1:
                draw.rounded_rectangle(box, side // 4, outline=theme.ink, width=3)
            case 2:
                draw.polygon([(x, y), (x + side, y + side / 2), (x, y + side)], outline=theme.ink, width=3)
            case _:
                draw.line(
                    [(x, y + side), (x, y), (x + side, y), (x + side, y + side), (x + side / 2, y + side / 2)],
                    fill=theme.ink,
                    width=3,
                )


def _paragraph(
    draw: ImageDraw.ImageDraw, chance: Chance, box: tuple[float, float, float], lines: int, style: tuple[int, Colour]
) -> float:
    """Write lines of words from (left, top) to the right edge; return where the next may begin."""
    left, top, right = box
    size, colour = style
    for _ in range(lines):
        text = word_list(chance, 14)
        share = (right - left) / draw.textlength(text, font=font(size))
        if share < 1:
            text = text[: int(len(text) * share)].rpartition(" ")[0]
        draw.text((left, top), text, font=font(size), fill=colour)
        top += size * 1.45
    return top


def phone_feed(theme: Theme) -> Maker:
    """Show it in a feed: status line, application bar, author, the picture as wide as the phone, buttons, comments."""

    def make(image: Image.Image, chance: Chance) -> Image.Image:
        width, height = _PHONE
        found = Image.new("RGB", _PHONE, theme.ground)
        draw = ImageDraw.Draw(found)
        _status_line(draw, theme, chance, width)
        draw.text((28, _STATUS + 16), "friendfeed", font=font(40), fill=theme.ink)
        _glyphs(draw, theme, [(width - 130, _STATUS + 22), (width - 66, _STATUS + 22)], 36)
        top = _STATUS + 92
        draw.line((0, top, width, top), fill=theme.raised, width=2)
        draw.ellipse((24, top + 14, 84, top + 74), fill=chance.colour())
        draw.text((100, top + 20), word_list(chance, 2), font=font(26), fill=theme.ink)
        draw.text((100, top + 50), "2 h", font=font(20), fill=theme.faint)
        top += 90
        shown = _contained(image, width, height - top - 230)
        found.paste(shown, ((width - shown.width) // 2, top))
        top += shown.height + 18
        _glyphs(draw, theme, [(28, top), (100, top), (172, top), (width - 66, top)], 40)
        top += 60
        draw.text((28, top), f"{chance.random.randint(2, 9000):,} likes", font=font(26), fill=theme.ink)
        end = _paragraph(draw, chance, (28, top + 42, width - 40), 2, (24, theme.ink))
        if end < height - 260:
            draw.line((0, end + 24, width, end + 24), fill=theme.raised, width=10)
            draw.ellipse((24, end + 50, 84, end + 110), fill=chance.colour())
            draw.text((100, end + 62), word_list(chance, 2), font=font(26), fill=theme.ink)
            _paragraph(
                draw,
                chance,
                (28, end + 124, width - 40),
                max(0, min(6, int((height - end - 270) / 36))),
                (24, theme.ink),
            )
        draw.rectangle((0, height - 100, width, height), fill=theme.ground)
        draw.line((0, height - 100, width, height - 100), fill=theme.raised, width=2)
        _glyphs(draw, theme, [(width * (number + 0.5) / 5 - 20, height - 82) for number in range(5)], 40)
        _home_bar(draw, theme, width, height)
        return found

    return make


def browser_page(theme: Theme) -> Maker:
    """Show it on a page: tabs, address line, a heading, the picture in a column, text beside and below."""

    def make(image: Image.Image, chance: Chance) -> Image.Image:
        width, height = _WINDOW
        found = Image.new("RGB", _WINDOW, theme.ground)
        draw = ImageDraw.Draw(found)
        draw.rectangle((0, 0, width, 40), fill=theme.faint)
        draw.rounded_rectangle((90, 8, 320, 48), 8, fill=theme.raised)
        draw.text((106, 16), word_list(chance, 3), font=font(14), fill=theme.ink)
        for number, colour in enumerate(((236, 106, 94), (244, 191, 79), (97, 197, 84))):
            draw.ellipse((16 + 22 * number, 13, 30 + 22 * number, 27), fill=colour)
        draw.rectangle((0, 40, width, 82), fill=theme.raised)
        draw.rounded_rectangle((130, 47, width - 160, 75), 14, fill=theme.ground)
        draw.text(
            (150, 52),
            f"example.org/{word_list(chance, 1)}/{chance.random.randint(1000, 99999)}",
            font=font(15),
            fill=theme.ink,
        )
        _glyphs(draw, theme, [(20, 52), (56, 52), (92, 52), (width - 60, 52)], 18)
        draw.rectangle((0, 82, width, 130), fill=theme.accent)
        draw.text((80, 94), "The Daily Something", font=font(22), fill=(255, 255, 255))
        draw.text((80, 148), word_list(chance, 6).capitalize(), font=font(30), fill=theme.ink)
        shown = _contained(image, 760, 470)
        found.paste(shown, (80, 200))
        below = _paragraph(draw, chance, (80, 212 + shown.height, 840), 1, (14, theme.faint))
        _paragraph(draw, chance, (80, below + 10, 840), max(0, int((height - below - 20) / 25)), (17, theme.ink))
        _paragraph(draw, chance, (900, 200, width - 60), 9, (16, theme.ink))
        draw.rounded_rectangle((900, 440, width - 60, 640), 8, fill=theme.raised)
        draw.ellipse((920, 460, 980, 520), fill=chance.colour())
        _paragraph(draw, chance, (1000, 466, width - 80), 2, (15, theme.ink))
        _paragraph(draw, chance, (920, 540, width - 80), 3, (15, theme.faint))
        draw.rectangle((width - 14, 82, width, height), fill=theme.raised)
        draw.rounded_rectangle((width - 11, 100, width - 3, 260), 4, fill=theme.faint)
        return found

    return make


def chat(theme: Theme) -> Maker:
    """Show it in a chat: a bubble with round corners among other bubbles, on a coloured ground."""

    def make(image: Image.Image, chance: Chance) -> Image.Image:
        width, height = _PHONE
        ground = (229, 221, 213) if theme is LIGHT else (16, 28, 34)
        theirs = (255, 255, 255) if theme is LIGHT else (32, 44, 51)
        ours = (217, 253, 211) if theme is LIGHT else (0, 92, 75)
        found = Image.new("RGB", _PHONE, ground)
        draw = ImageDraw.Draw(found)
        draw.rectangle((0, 0, width, 140), fill=theme.raised)
        _status_line(draw, theme, chance, width)
        draw.ellipse((70, 64, 130, 124), fill=chance.colour())
        draw.text((148, 78), word_list(chance, 2).title(), font=font(30), fill=theme.ink)
        _glyphs(draw, theme, [(width - 120, 76), (width - 60, 76)], 32)
        top = 168.0
        for _ in range(2):
            top = _bubble(draw, chance, (24, top, 24 + chance.random.randint(260, 480)), (theirs, theme.ink))
        shown = _contained(image, round(width * 0.74), 800)
        is_ours = chance.random.random() < 0.5  # noqa: PLR2004  (sent or received, alike often)
        left = width - 24 - shown.width - 12 if is_ours else 24
        draw.rounded_rectangle(
            (left, top, left + shown.width + 12, top + shown.height + 46), 18, fill=ours if is_ours else theirs
        )
        found.paste(shown, (left + 6, round(top) + 6), rounded_mask(shown.size, 14))
        draw.text((left + shown.width - 62, top + shown.height + 14), "12:07", font=font(20), fill=theme.faint)
        top += shown.height + 66
        while top < height - 240:
            wide = chance.random.randint(220, 480)
            is_ours = not is_ours
            edge = width - 24 - wide if is_ours else 24
            top = _bubble(draw, chance, (edge, top, edge + wide), (ours if is_ours else theirs, theme.ink))
        draw.rectangle((0, height - 120, width, height), fill=theme.raised)
        draw.rounded_rectangle((70, height - 106, width - 110, height - 46), 30, fill=theme.ground)
        draw.text((100, height - 90), "Message", font=font(26), fill=theme.faint)
        draw.ellipse((width - 92, height - 108, width - 28, height - 44), fill=theme.accent)
        _home_bar(draw, theme, width, height)
        return found

    return make


def _bubble(
    draw: ImageDraw.ImageDraw, chance: Chance, box: tuple[float, float, float], colours: tuple[Colour, Colour]
) -> float:
    """Draw a bubble with one to three lines; return where the next begins."""
    left, top, right = box
    lines = chance.random.randint(1, 3)
    bottom = top + 24 + lines * 35
    draw.rounded_rectangle((left, top, right, bottom), 18, fill=colours[0])
    _paragraph(draw, chance, (left + 18, top + 10, right - 18), lines, (24, colours[1]))
    return bottom + 16


def gallery(theme: Theme) -> Maker:
    """Show it in the phone's viewer: alone on one colour, between two lines of buttons."""

    def make(image: Image.Image, chance: Chance) -> Image.Image:
        width, height = _PHONE
        found = Image.new("RGB", _PHONE, theme.ground)
        draw = ImageDraw.Draw(found)
        shown = _contained(image, width, height)
        found.paste(shown, ((width - shown.width) // 2, (height - shown.height) // 2))
        draw.rectangle((0, 0, width, 150), fill=theme.ground)
        draw.rectangle((0, height - 150, width, height), fill=theme.ground)
        _status_line(draw, theme, chance, width)
        draw.text((90, 78), f"{chance.random.randint(1, 28)} June", font=font(28), fill=theme.ink)
        draw.text((90, 112), "14:32", font=font(20), fill=theme.faint)
        _glyphs(draw, theme, [(28, 84), (width - 66, 84)], 36)
        _glyphs(draw, theme, [(width * (number + 0.5) / 4 - 22, height - 112) for number in range(4)], 44)
        _home_bar(draw, theme, width, height)
        return found

    return make
