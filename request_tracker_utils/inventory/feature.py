"""What the stock contributes to the app."""

from collections.abc import Mapping

from flask import Flask

from request_tracker_utils.core.clock import utc_now
from request_tracker_utils.core.db import reading, transaction
from request_tracker_utils.core.translation import gettext_noop
from request_tracker_utils.imports.row_types import RowTypes
from request_tracker_utils.imports.tasks import import_kinds
from request_tracker_utils.imports.views import import_pages
from request_tracker_utils.inventory import cli, demo, jobs
from request_tracker_utils.inventory.api import counts as count_api, receiving as receiving_api, stock as stock_api
from request_tracker_utils.inventory.current import reorder_alerts
from request_tracker_utils.inventory.listing import level_counts
from request_tracker_utils.inventory.permissions import GRANTS, StockPermission
from request_tracker_utils.inventory.reorder import REORDER_ALERT
from request_tracker_utils.inventory.stock_import import DeliveryRows, StockLevels
from request_tracker_utils.inventory.views import cable_types, counts, movements, receiving, reorder, stock
from request_tracker_utils.tasks.kinds import TaskKinds
from request_tracker_utils.web.feature import Demo, Feature, HomeCard, NavItem, PageLink
from request_tracker_utils.web.registry import registry_of

IMPORTS = "stock_imports"
UPLOAD = f"{IMPORTS}.upload_form"
IMPORT_STOCK, IMPORT_DELIVERIES = {"row_type": StockLevels.name}, {"row_type": DeliveryRows.name}

imports = import_pages(
    IMPORTS,
    permission=StockPermission.ADJUST,
    uploads={StockLevels.name: "/stock/import", DeliveryRows.name: "/stock/receive/import"},
    files="/stock/imports",
)
links = [
    PageLink("stock.show", gettext_noop("Import stock"), UPLOAD, StockPermission.ADJUST, 10, IMPORT_STOCK),
    PageLink("stock_receiving.form", gettext_noop("Import deliveries"), UPLOAD, StockPermission.ADJUST, 10, IMPORT_DELIVERIES),
    PageLink(UPLOAD, gettext_noop("Stock"), "stock.show", StockPermission.READ, 5),
    PageLink(UPLOAD, gettext_noop("Import stock"), UPLOAD, StockPermission.ADJUST, 10, IMPORT_STOCK),
    PageLink(UPLOAD, gettext_noop("Import deliveries"), UPLOAD, StockPermission.ADJUST, 20, IMPORT_DELIVERIES),
    PageLink(UPLOAD, gettext_noop("Export stock"), "stock.export", StockPermission.READ, 30),
]


def install(app: Flask) -> None:
    registry = registry_of(app)
    levels = StockLevels(reorder_alerts)
    registry.get(RowTypes).add(levels, DeliveryRows(reorder_alerts))
    registry.get(TaskKinds).add(*import_kinds(levels, permission=StockPermission.ADJUST, endpoint=f"{IMPORTS}.show"))


def card() -> Mapping[str, object]:
    with reading() as session:
        return {"counts": level_counts(session)}


feature = Feature(
    name="inventory",
    apis=[stock_api.api, receiving_api.api, count_api.api],
    pages=[stock.pages, receiving.pages, counts.pages, movements.pages, reorder.pages, cable_types.pages, imports],
    jobs=jobs.jobs,
    commands=[cli.stock],
    navigation=[NavItem(gettext_noop("Stock"), "stock.show", StockPermission.READ, order=16)],
    links=links,
    cards=[HomeCard("inventory/card.html", StockPermission.RECEIVE, card, order=16)],
    messages=[REORDER_ALERT],
    demo=Demo(gettext_noop("rows of stock"), lambda: demo.is_empty(reading), lambda: demo.fill(transaction, now=utc_now())),
    grants=GRANTS,
    install=install,
)
