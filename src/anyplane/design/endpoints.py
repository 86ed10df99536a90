"""Where a check or a session goes: text -> an address, a host, a host and port, a URL; or Unfit."""

from __future__ import annotations

import difflib
import re
from ipaddress import IPv4Address, IPv6Address, ip_address

from anyplane.design.operation import SERVICE, Address, Endpoint
from anyplane.design.quantities import Unfit, shown

HOST_PATTERN = r"^\s*[0-9A-Za-z_:.-]+\s*$"
ENDPOINT_PATTERN = r"^\s*(?:\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z_.-]+):[0-9]{1,5}\s*$"
OPEN_ENDPOINT_PATTERN = (
    r"^\s*(?:\[[0-9A-Fa-f:.]+\](?::[0-9]{1,5})?|[0-9A-Fa-f:.]+|[0-9A-Za-z_.-]+(?::[0-9]{1,5})?)\s*$"
)
ADDRESS_PATTERN = r"^\s*[0-9A-Fa-f:.]+\s*$"
URL_PATTERN = r"^\s*[Hh][Tt][Tt][Pp][Ss]?://[^\s/?#@]+(?:[/?#]\S*)?\s*$"
_LABEL = r"[0-9A-Za-z_](?:[0-9A-Za-z_-]{0,61}[0-9A-Za-z_])?"
_URL = re.compile(
    r"^(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?:(?P<user>[^\s/?#]*)@)?"
    r"(?P<host>\[[^\]\s]*\]|[^\s/:?#@\[\]]*)(?::(?P<port>[0-9]{1,5}))?(?:[/?#]\S*)?$"
)
_HOST_NAME = re.compile(rf"^{_LABEL}(?:\.{_LABEL})*\.?$")


def address(value: object) -> Address:
    """One IPv4 or IPv6 address that a packet can be sent to."""
    text = value.strip() if isinstance(value, str) else ""
    example = "write for example 192.0.2.1 or 2001:db8::1"
    if "/" in text:
        raise Unfit(f"{shown(value)} is a prefix, not one address", hint=f"write {text.partition('/')[0]}")
    text = text.partition("%")[0]  # a zone is only there where the address is link-local
    try:
        found = ip_address(text)
    except ValueError:
        raise Unfit(f"{shown(value)} is not an address", hint=example) from None
    if found.version == 6 and found.is_link_local:
        hint = "use global or unique local addresses on the link"
        raise Unfit(f"{shown(value)} is link-local, which is not supported", hint=hint)
    if found.is_multicast or found.is_unspecified:
        raise Unfit(f"{shown(value)} is not the address of one host", hint=example)
    return found


def address4(value: object) -> IPv4Address:
    """A BGP identifier: four numbers as in an IPv4 address (RFC 6286)."""
    text = value.strip() if isinstance(value, str) else ""
    try:
        found = IPv4Address(text)
    except ValueError:
        hint = "write an IPv4 address of this router, for example 192.0.2.1"
        raise Unfit(f"{shown(value)} is not a router id", hint=hint) from None
    if int(found) == 0:
        raise Unfit(f"{shown(value)} is not a router id", hint="it may not be zero (RFC 6286)")
    return found


def host(value: object) -> str:
    """An address, a name, or `service`."""
    text = value.strip() if isinstance(value, str) else ""
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if is_address(bare):
        return str(address(bare))
    if not _HOST_NAME.match(text) or len(text) > 253 or re.fullmatch(r"[0-9.]+", text):
        name, colon, number = text.rpartition(":")
        is_both = colon and number.isdigit() and ":" not in name.strip("[]")
        hint = f"write {name} alone, without a port" if is_both else "write an address, a name, or service"
        raise Unfit(f"{shown(value)} is not a host", hint=hint)
    if "." not in text and text != SERVICE and difflib.get_close_matches(text.lower(), [SERVICE], cutoff=0.8):
        raise Unfit(f"{shown(value)} is not a host", hint=f"did you mean {SERVICE}?")
    return text


def endpoint(value: object) -> Endpoint:
    """127.0.0.1:53, [::1]:53, service:53, www.example.net:443."""
    return _endpoint(value, default=None)


def endpoint_at(default: int, value: object) -> Endpoint:
    """The same, where the port may be left out."""
    return _endpoint(value, default=default)


def elsewhere(value: object, *, default: int | None = None) -> Endpoint:
    """Host and port of what is no part of the service."""
    found = _endpoint(value, default=default)
    if found.host == SERVICE:
        raise Unfit(f"{shown(value)} has a meaning in checks only", hint="write an address or a name")
    return found


def port(value: object) -> int:
    """1 to 65535."""
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 65535:
        return value
    raise Unfit(f"{shown(value)} is not a port (1 to 65535)")


def url(value: object) -> str:
    """http://... or https://..., without user and password."""
    text = value.strip() if isinstance(value, str) else ""
    example = "write for example http://service/health"
    parts = _URL.match(text)
    if parts is None:
        is_bare = bool(text) and "://" not in text and not re.search(r"\s", text)
        hint = f"write http://{text}" if is_bare else example
        said = "has no scheme" if is_bare else "is not a URL"
        raise Unfit(f"{shown(value)} {said}", hint=hint)
    if parts["user"] is not None:
        hint = "leave user and password out: a health page should need none"
        raise Unfit("the URL carries a user or a password", hint=hint)
    if parts["scheme"].lower() not in ("http", "https"):
        raise Unfit(f"{shown(parts['scheme'])} is not a scheme of a check", hint="http and https are")
    if not parts["host"]:
        raise Unfit(f"{shown(value)} is not a URL", hint=example)
    if parts["port"] is not None and not 1 <= int(parts["port"]) <= 65535:
        raise Unfit(f"{shown(value)}: {parts['port']} is not a port (1 to 65535)")
    host(parts["host"])
    return text


def url_host(text: str) -> str:
    """The host of a URL that `url` accepted."""
    parts = _URL.match(text)
    return parts["host"].strip("[]") if parts else ""


def with_host(text: str, address_: Address) -> str:
    """The URL with an address in place of its host."""
    literal = f"[{address_}]" if isinstance(address_, IPv6Address) else str(address_)
    parts = _URL.match(text)
    return text if parts is None else text[: parts.start("host")] + literal + text[parts.end("host") :]


def _endpoint(value: object, *, default: int | None) -> Endpoint:
    text = value.strip() if isinstance(value, str) else ""
    if is_address(text) and default is not None:
        return Endpoint(host=str(address(text)), port=default)
    name, colon, number = text.rpartition(":")
    if text.startswith("[") and text.endswith("]"):
        name, colon, number = text, "", ""
    if ":" in name and not name.startswith("["):
        literal = f"[{name}]:{number}" if is_address(name) and number.isdigit() else f"[{text}]:53"
        hint = f"put the address in brackets: {literal}"
        raise Unfit(f"{shown(value)} is an IPv6 address without a port", hint=hint)
    if not colon:
        if default is not None and text:
            return Endpoint(host=host(text), port=default)
        hint = f"add the port: {text}:PORT" if text else "write for example 127.0.0.1:53"
        raise Unfit(f"{shown(value)} has no port", hint=hint)
    if not re.fullmatch(r"[0-9]{1,5}", number) or not 1 <= int(number) <= 65535:
        raise Unfit(f"{shown(value)}: {shown(number)} is not a port (1 to 65535)")
    return Endpoint(host=host(name), port=int(number))


def is_address(text: str) -> bool:
    """Is it an address literal without a zone?"""
    try:
        ip_address(text)
    except ValueError:
        return False
    return "%" not in text
