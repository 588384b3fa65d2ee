"""How this installation creates assets: what its settings say of catalog, status, tags and custom fields."""

from dataclasses import dataclass
from typing import Self

from request_tracker_utils.asset_store.service import NewAsset
from request_tracker_utils.assets.fields import Wanted
from request_tracker_utils.core.settings import Settings


@dataclass(frozen=True)
class Rules:
    """`prefix` holds for catalogs without one of their own; `status` is empty for the directory's own."""

    prefix: str = "W12-"
    catalog: str = "General assets"
    status: str = ""
    internal_name_field: str = "Internal Name"
    category_field: str = "Category"
    funding_field: str = "Funding Source"

    @classmethod
    def as_set(cls, settings: Settings) -> Self:
        return cls(
            prefix=settings.prefix,
            catalog=settings.rt_catalog,
            status=settings.rt_asset_status,
            internal_name_field=settings.rt_internal_name_field,
            category_field=settings.rt_category_field,
            funding_field=settings.rt_funding_field,
        )

    def new_asset(self, wanted: Wanted) -> NewAsset:
        """The asset as the directory is told of it, still without its name."""
        further = {
            self.internal_name_field: wanted.internal_name,
            self.category_field: wanted.category,
            self.funding_field: wanted.funding_source,
        }
        return NewAsset(
            name="",
            catalog=wanted.catalog or self.catalog,
            serial=wanted.serial_number,
            model=wanted.model,
            manufacturer=wanted.manufacturer,
            fields={name: value for name, value in further.items() if value},
            status=self.status,
        )
