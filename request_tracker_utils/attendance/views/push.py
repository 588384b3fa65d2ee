"""The routes that terminals call to push. They have neither accounts nor cookies; a terminal that was not accepted is refused before its
body is read.

Answers are plain text. `OK` is only sent when everything of the request is on the disk: otherwise the terminal sends it again.
"""

import zlib

import structlog
from flask import Blueprint, Response, g, request

from request_tracker_utils.attendance.current import push_key
from request_tracker_utils.attendance.leases import find_terminal
from request_tracker_utils.attendance.models import Terminal
from request_tracker_utils.attendance.push import contacts, counts, options, pending, receiving
from request_tracker_utils.attendance.push.contacts import Contact
from request_tracker_utils.attendance.push.errors import PushRefused, TerminalPending, UnsupportedBody
from request_tracker_utils.attendance.push.receiving import Upload
from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.errors import Invalid, NotFound
from request_tracker_utils.core.ip_addresses import address_of
from request_tracker_utils.core.translation import gettext as _
from request_tracker_utils.web.auth import public
from request_tracker_utils.web.error_responses import TooLarge
from request_tracker_utils.web.registry import settings
from request_tracker_utils.web.threads import Reserved

log = structlog.get_logger(__name__)
MAX_BODY = 1024 * 1024
GZIP = 16 + zlib.MAX_WBITS
pages = Blueprint("push", __name__, url_prefix="/iclock")


def _admit() -> None:
    """Refuses terminals that were not accepted, before their body is read."""
    given = settings()
    if not given.terminal_push:
        raise NotFound(_("This page does not exist."))
    address = address_of(request.remote_addr or "")
    if given.terminal_push_networks and not any(address in network for network in given.terminal_push_networks if address):
        log.info("a terminal pushes from a network that is not allowed", address=request.remote_addr)
        raise PushRefused(_("Terminals may not push from this network."))
    request.max_content_length = MAX_BODY
    query = request.args
    key, version = query.get("pushcommkey"), query.get("pushver")
    contact = Contact.of(query.get("SN", ""), str(address or request.remote_addr or ""), utc_now(), key=key, version=version)
    try:
        with reading() as session:
            terminal = contacts.admitted(session, contact, push_key)
    except TerminalPending:
        _record_pending(contact)
        raise
    except PushRefused as refused:
        log.warning("a terminal may not push", serial_number=contact.serial_number, address=contact.address, reason=refused.code)
        raise
    g.push_contact, g.pushing_terminal = contact, terminal


terminals_only = public("terminals push here, with a serial number and a key", csrf=False, reserved=Reserved.PUSH, before_body=_admit)


@pages.get("/cdata")
@pages.get("/cdata.aspx")
@terminals_only
def introduce() -> Response:
    """Answers what the terminal is to send, from where on, and what time it is."""
    contact, terminal = _caller()
    if "options" not in request.args:
        return _acknowledged()
    with transaction() as session:
        locked = find_terminal(session, terminal.id, with_for_update=True)
        contacts.record(locked, contact)
        return _text(options.handshake(session, locked, version=contact.version, now=contact.at))


@pages.post("/cdata")
@pages.post("/cdata.aspx")
@terminals_only
def receive() -> Response:
    """Stores what a terminal has recorded."""
    contact, terminal = _caller()
    # A chunked body may be cut without a trace. Its punches may come again, but a stamp beyond them would lose the others.
    stamp = "" if request.content_length is None else request.args.get("Stamp", "")
    upload = Upload(request.args.get("table", ""), stamp, _body())
    with transaction() as session:
        received = receiving.receive(session, terminal.id, contact, upload)
    return _text(f"OK: {received.lines}")


@pages.get("/getrequest")
@pages.get("/getrequest.aspx")
@terminals_only
def command() -> Response:
    """Answers that there is nothing to do, or asks the terminal to introduce itself again."""
    contact, terminal = _caller()
    counted = counts.from_info(request.args.get("INFO", ""))
    if counted.news_for(terminal):
        with transaction(durable=False) as session:
            counts.record(session, find_terminal(session, terminal.id, with_for_update=True), counted, contact.at)
    with reading() as session:
        is_outdated = options.is_outdated(session, terminal, contact.at)
    if not is_outdated:
        return _acknowledged()
    with transaction(durable=False) as session:
        return _text(options.check(session, terminal, contact.at))


@pages.post("/devicecmd")
@pages.post("/devicecmd.aspx")
@terminals_only
def command_result() -> Response:
    """Acknowledges the result of a command."""
    return _acknowledged()


@pages.get("/ping")
@pages.get("/ping.aspx")
@terminals_only
def ping() -> Response:
    """Answers that the server is running."""
    return _acknowledged()


def _caller() -> tuple[Contact, Terminal]:
    """The terminal as it was when it was admitted."""
    return g.push_contact, g.pushing_terminal


def _acknowledged() -> Response:
    """OK, after the contact was recorded if it is news."""
    contact, terminal = _caller()
    if contacts.is_news(terminal, contact):
        with transaction(durable=False) as session:
            contacts.record(find_terminal(session, terminal.id, with_for_update=True), contact)
    return _text("OK")


def _record_pending(contact: Contact) -> None:
    with reading() as session:
        is_news = pending.is_news(session, contact)
    if is_news:
        with transaction(durable=False) as session:
            pending.record(session, contact)


def _text(text: str) -> Response:
    """Terminals set their clocks from the header `Date`."""
    response = Response(text, mimetype="text/plain")
    response.date = utc_now()
    return response


def _body() -> bytes:
    """Raises TooLarge, UnsupportedBody, and Invalid for a body that was cut."""
    if request.mimetype.startswith("multipart/"):
        raise UnsupportedBody(_("Send lines of text."))
    encoding, sent = request.headers.get("Content-Encoding", "identity").strip().lower(), request.get_data()
    if encoding in ("", "identity"):
        return sent
    if encoding != "gzip":
        raise UnsupportedBody(_("Send the lines as they are, or compressed with gzip."))
    unpacking = zlib.decompressobj(GZIP)
    try:
        body = unpacking.decompress(sent, MAX_BODY + 1)
    except zlib.error:
        raise Invalid(_("The body is not compressed with gzip, although its header says so.")) from None
    if len(body) > MAX_BODY:
        raise TooLarge(_("The body is larger than %(number)s bytes.", number=MAX_BODY))
    if not unpacking.eof or unpacking.unused_data:
        raise Invalid(_("The compressed body is incomplete, or is followed by something else."))
    return body
