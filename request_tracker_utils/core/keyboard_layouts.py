"""Codes that a scanner typed with another keyboard language than the computer's: a scanner sends keys, and the computer decides which
characters they are."""

from collections.abc import Callable, Iterator
from typing import TypeVar

from request_tracker_utils.core.translation import gettext as _

Known = TypeVar("Known")

MAX_LENGTH = 100
"""Characters of a code that is tried; tags are shorter."""

US = (
    "`1234567890-=qwertyuiop[]\\asdfghjkl;'zxcvbnm,./",
    '~!@#$%^&*()_+QWERTYUIOP{}|ASDFGHJKL:"ZXCVBNM<>?',
)
"""The characters of the same 47 keys, row by row: without and with Shift."""

LAYOUTS = {
    "English (US)": US,
    "German": ("^1234567890ß´qwertzuiopü+#asdfghjklöäyxcvbnm,.-", "°!\"§$%&/()=?`QWERTZUIOPÜ*'ASDFGHJKLÖÄYXCVBNM;:_"),
    "French": ("²&é\"'(-è_çà)=azertyuiop^$*qsdfghjklmùwxcvbn,;:!", "~1234567890°+AZERTYUIOP¨£µQSDFGHJKLM%WXCVBN?./§"),
    "Belgian": ("²&é\"'(§è!çà)-azertyuiop^$µqsdfghjklmùwxcvbn,;:=", "³1234567890°_AZERTYUIOP¨*£QSDFGHJKLM%WXCVBN?./+"),
    "Swiss German": ("§1234567890'^qwertzuiopü¨$asdfghjklöäyxcvbnm,.-", '°+"*ç%&/()=?`QWERTZUIOPè!£ASDFGHJKLéàYXCVBNM;:_'),
    "Swiss French": ("§1234567890'^qwertzuiopè¨$asdfghjkléàyxcvbnm,.-", '°+"*ç%&/()=?`QWERTZUIOPü!£ASDFGHJKLöäYXCVBNM;:_'),
    "Spanish": ("º1234567890'¡qwertyuiop`+çasdfghjklñ´zxcvbnm,.-", 'ª!"·$%&/()=?¿QWERTYUIOP^*ÇASDFGHJKLÑ¨ZXCVBNM;:_'),
    "Latin American": ("|1234567890'¿qwertyuiop´+}asdfghjklñ{zxcvbnm,.-", '°!"#$%&/()=?¡QWERTYUIOP¨*]ASDFGHJKLÑ[ZXCVBNM;:_'),
    "Italian": ("\\1234567890'ìqwertyuiopè+ùasdfghjklòàzxcvbnm,.-", '|!"£$%&/()=?^QWERTYUIOPé*§ASDFGHJKLç°ZXCVBNM;:_'),
    "Portuguese": ("\\1234567890'«qwertyuiop+´~asdfghjklçºzxcvbnm,.-", '|!"#$%&/()=?»QWERTYUIOP*`^ASDFGHJKLÇªZXCVBNM;:_'),
    "Swedish": ("§1234567890+´qwertyuiopå¨'asdfghjklöäzxcvbnm,.-", '½!"#¤%&/()=?`QWERTYUIOPÅ^*ASDFGHJKLÖÄZXCVBNM;:_'),
    "Danish": ("½1234567890+´qwertyuiopå¨'asdfghjklæøzxcvbnm,.-", '§!"#¤%&/()=?`QWERTYUIOPÅ^*ASDFGHJKLÆØZXCVBNM;:_'),
    "Norwegian": ("|1234567890+\\qwertyuiopå¨'asdfghjkløæzxcvbnm,.-", '§!"#¤%&/()=?`QWERTYUIOPÅ^*ASDFGHJKLØÆZXCVBNM;:_'),
    "Dutch": ("@1234567890/°qwertyuiop¨*<asdfghjkl+´zxcvbnm,.-", "§!\"#$%&_()'?~QWERTYUIOP^|>ASDFGHJKL±`ZXCVBNM;:="),
    "Czech": (";+ěščřžýáíé=´qwertzuiopú)¨asdfghjklů§yxcvbnm,.-", "°1234567890%ˇQWERTZUIOP/('ASDFGHJKL\"!YXCVBNM?:_"),
    "Croatian": ("¸1234567890'+qwertzuiopšđžasdfghjklčćyxcvbnm,.-", '¨!"#$%&/()=?*QWERTZUIOPŠĐŽASDFGHJKLČĆYXCVBNM;:_'),
    "Hungarian": ("0123456789öüóqwertzuiopőúűasdfghjkléáyxcvbnm,.-", "§'\"+!%/=()ÖÜÓQWERTZUIOPŐÚŰASDFGHJKLÉÁYXCVBNM?:_"),
    "Turkish": ('"1234567890*-qwertyuıopğü,asdfghjklşizxcvbnmöç.', "é!'^+%&/()=?_QWERTYUIOPĞÜ;ASDFGHJKLŞİZXCVBNMÖÇ:"),
    "Russian": ("ё1234567890-=йцукенгшщзхъ\\фывапролджэячсмитьбю.", 'Ё!"№;%:?*()_+ЙЦУКЕНГШЩЗХЪ/ФЫВАПРОЛДЖЭЯЧСМИТЬБЮ,'),
    "Dvorak": ("`1234567890[]',.pyfgcrl/=\\aoeuidhtns-;qjkxbmwvz", '~!@#$%^&*(){}"<>PYFGCRL?+|AOEUIDHTNS_:QJKXBMWVZ'),
    "Colemak": ("`1234567890-=qwfpgjluy;[]\\arstdhneio'zxcvbkm,./", '~!@#$%^&*()_+QWFPGJLUY:{}|ARSTDHNEIO"ZXCVBKM<>?'),
}
"""Layouts with other letters, digits or hyphen than the US layout, and that one."""


def read_through(text: str, recognize: Callable[[str], Known | None]) -> Known | None:
    """What `recognize` finds in the text as the scanner meant it, with another layout than the computer's; None if it finds nothing."""
    for meant in _readings(text):
        found = recognize(meant)
        if found is not None:
            return found
    return None


def other_keyboard_language(code: str, tag: str) -> str:
    """What to say about a tag that a scanner with another keyboard language typed as this code."""
    return _(
        "The scanner’s keyboard language differs from this computer’s: “%(code)s” is probably %(tag)s. "
        "Set the scanner to the computer’s keyboard language, then scan again.",
        code=code,
        tag=tag,
    )


def _readings(text: str) -> Iterator[str]:
    """Other texts that the same keys are, with a US scanner at another computer, or another scanner at a US computer. Some computers apply
    Caps Lock to digits as well. More pairs would recognize tags in codes that are only similar."""
    if len(text) > MAX_LENGTH:
        return
    pairs = [(other, "English (US)", caps) for other in LAYOUTS for caps in (False, True)]
    pairs += [("English (US)", other, False) for other in LAYOUTS]
    for computer, scanner, has_caps_lock in pairs:
        keys = _keys_of(text, computer, has_caps_lock)
        if keys:
            yield "".join(LAYOUTS[scanner][is_shifted][key] for key, is_shifted in keys)


def _keys_of(text: str, layout: str, has_caps_lock: bool) -> list[tuple[int, bool]]:
    """The key and Shift of each character; empty if the layout lacks one."""
    keys = []
    for character in text:
        found = next(((chars.index(character), is_shifted) for is_shifted, chars in enumerate(LAYOUTS[layout]) if character in chars), None)
        if found is None:
            return []
        keys.append((found[0], bool(found[1]) != has_caps_lock))
    return keys
