"""Countries, the unions EU and EEA, and continents: what `users:` and `to:` may name.

Two letters alone are always a country (ISO 3166-1 alpha-2), but for the two unions EU and EEA. A continent is
spelled `continent AS` or `continent Asia`, since AS alone is American Samoa, NA Namibia, SA Saudi Arabia,
AF Afghanistan, and the EU is not Europe. Continents are those of the topology's table of countries
(Cyprus is in Europe, Turkey in Asia); XK is Kosovo as used in practice.
The EU has 27 members and the EEA 30, as of 2024.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from anyplane.design.quantities import Unfit, shown


def _codes(text: str) -> frozenset[str]:
    return frozenset(text.split())


_EU = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"
GROUPS = {"EU": _codes(_EU), "EEA": _codes(f"{_EU} IS LI NO")}

CONTINENT_NAMES = {
    "africa": "AF",
    "antarctica": "AN",
    "asia": "AS",
    "europe": "EU",
    "north america": "NA",
    "oceania": "OC",
    "south america": "SA",
}

CONTINENTS = {
    "AF": _codes(
        "AO BF BI BJ BW CD CF CG CI CM CV DJ DZ EG EH ER ET GA GH GM GN GQ GW KE KM LR LS LY "
        "MA MG ML MR MU MW MZ NA NE NG RE RW SC SD SH SL SN SO SS ST SZ TD TG TN TZ UG YT ZA "
        "ZM ZW"
    ),
    "AN": _codes("AQ BV GS HM TF"),
    "AS": _codes(
        "AE AF AM AZ BD BH BN BT CN GE HK ID IL IN IQ IR JO JP KG KH KP KR KW KZ LA LB LK MM "
        "MN MO MV MY NP OM PH PK PS QA SA SG SY TH TJ TM TR TW UZ VN YE CC IO"
    ),
    "EU": _codes(
        "AD AL AT AX BA BE BG BY CH CZ DE DK EE ES FI FO FR GB GG GI GR HR HU IE IM IS IT JE LI "
        "LT LU LV MC MD ME MK MT NL NO PL PT RO RS RU SE SI SJ SK SM UA VA XK CY"
    ),
    "NA": _codes(
        "AG AI AW BB BL BM BQ BS BZ CA CR CU CW DM DO GD GL GP GT HN HT JM KN KY LC MF MQ MS MX "
        "NI PA PM PR SV SX TC TT US VC VG VI"
    ),
    "OC": _codes("AS AU CK CX FJ FM GU KI MH MP NC NF NR NU NZ PF PG PN PW SB TK TO TV UM VU WF WS TL"),
    "SA": _codes("AR BO BR CL CO EC FK GF GY PE PY SR UY VE"),
}
COUNTRIES = frozenset().union(*CONTINENTS.values())
CONTINENT_PATTERN = "|".join([*CONTINENTS, *(name.title() for name in CONTINENT_NAMES)])
AREA_PATTERN = rf"^\s*(?:[A-Za-z]{{2}}|[Ee][Ee][Aa]|continent\s+(?:{CONTINENT_PATTERN}))\s*$"


def area(value: object) -> frozenset[str]:
    """The countries meant by "DE", "EU", "EEA" or "continent Asia"."""
    if isinstance(value, str):
        word = " ".join(value.split())
        if word.lower().startswith("continent "):
            return CONTINENTS[continent(word[10:])]
        if word.upper() in GROUPS:
            return GROUPS[word.upper()]
        if word.upper() in COUNTRIES:
            return frozenset((word.upper(),))
        if word.lower() in CONTINENT_NAMES:
            raise Unfit(f"{shown(value)} alone is not a country", hint=f"write `continent {word.title()}`")
    if value is False:
        raise Unfit("false is not a country", hint="write NO for Norway")
    raise Unfit(f"{shown(value)} is not a country, EU, EEA or a continent", hint=_hint(value))


def named(countries: Iterable[str]) -> tuple[str, ...]:
    """Countries in the fewest words: ("Europe", "US") or ("EU", "CH"); the largest area first, then codes."""
    rest = set(countries)
    areas = [(name.title(), CONTINENTS[code]) for name, code in CONTINENT_NAMES.items()]
    areas += [(name, GROUPS[name]) for name in ("EEA", "EU")]
    words = []
    for name, members in areas:
        # An area counts when all of it is meant and none of it was said already.
        if members <= rest:
            words.append(name)
            rest -= members
    return (*words, *sorted(rest))


def country(value: str) -> str:
    """One ISO 3166-1 alpha-2 code, upper case."""
    if value.upper() in COUNTRIES:
        return value.upper()
    raise Unfit(f"{shown(value)} is not a country (ISO 3166 alpha-2)", hint=_hint(value))


def continent(value: str) -> str:
    """The two-letter code of a continent, by code or name."""
    word = " ".join(value.split())
    code = CONTINENT_NAMES.get(word.lower(), word.upper())
    if code in CONTINENTS:
        return code
    near = difflib.get_close_matches(word.lower(), CONTINENT_NAMES, n=1)
    names = ", ".join(f"{name.title()} ({code})" for name, code in CONTINENT_NAMES.items())
    hint = f"did you mean {near[0].title()}?" if near else f"the continents are {names}"
    raise Unfit(f"{shown(value)} is not a continent", hint=hint)


def _hint(value: object) -> str:
    if isinstance(value, str):
        if value.strip().upper() == "UK":
            return "did you mean GB?"
        if value.strip().upper() == "EL":
            return "did you mean GR?"
        if re.match(r"^\s*region\s", value):
            return "write `continent Asia` or `country JP`"
    return "write DE, EU, EEA or `continent Asia`"
