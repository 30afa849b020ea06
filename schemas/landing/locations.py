"""Feed ``locations``: stores, online sites, distribution centres and suppliers."""

from zoneinfo import available_timezones

from schemas.table import STRING, Column, Feed

LOCATIONS = Feed(
    name="locations",
    meaning="Stores, online sites, distribution centres and suppliers.",
    columns=(
        Column("location_id", STRING, "location"),
        Column("kind", STRING, "store, online, dc or supplier", values=("store", "online", "dc", "supplier")),
        Column("name", STRING, "name", optional=True, nullable=True),
        Column("region", STRING, "region (of calendar and signals)", optional=True, nullable=True),
        Column("city", STRING, "city", optional=True, nullable=True),
        Column(
            "timezone",
            STRING,
            "IANA time zone; default: config's",
            optional=True,
            nullable=True,
            values=tuple(sorted(available_timezones())),
        ),
    ),
    key=("location_id",),
    required=True,
    absent="the night blocks: nothing can be referred to",
)
