"""The contract: every landing feed and every table of the lake, by name."""

from schemas.gold.accuracy import ACCURACY
from schemas.gold.certificates import CERTIFICATES
from schemas.gold.corrections import CORRECTIONS
from schemas.gold.exceptions import EXCEPTIONS
from schemas.gold.features import FEATURES_TABLE
from schemas.gold.forecasts import FORECASTS
from schemas.gold.kpis import KPIS
from schemas.gold.order_reasons import ORDER_REASONS
from schemas.gold.orders import ORDERS
from schemas.gold.outcomes import OUTCOMES
from schemas.gold.path_ranks import PATH_RANKS
from schemas.gold.projections import PROJECTIONS
from schemas.gold.shadow_prices import SHADOW_PRICES
from schemas.gold.simulations import SIMULATIONS
from schemas.landing.assortment import ASSORTMENT
from schemas.landing.availability import AVAILABILITY
from schemas.landing.calendar import CALENDAR
from schemas.landing.capacities import CAPACITIES
from schemas.landing.inventory import INVENTORY
from schemas.landing.items import ITEMS
from schemas.landing.lanes import LANES
from schemas.landing.locations import LOCATIONS
from schemas.landing.open_orders import OPEN_ORDERS
from schemas.landing.overrides import OVERRIDES
from schemas.landing.prices import PRICES
from schemas.landing.receipts import RECEIPTS
from schemas.landing.sales import SALES
from schemas.landing.signals import SIGNALS
from schemas.ops.backtests import BACKTESTS
from schemas.ops.files import FILES
from schemas.ops.models import MODELS
from schemas.ops.nights import NIGHTS
from schemas.ops.quality_results import QUALITY_RESULTS
from schemas.ops.quarantine import QUARANTINE
from schemas.silver.demand import DEMAND
from schemas.table import Feed, Table

#: The landing contract. Masters first: the others refer to them.
FEEDS: dict[str, Feed] = {
    feed.name: feed
    for feed in (
        LOCATIONS,
        ITEMS,
        SALES,
        AVAILABILITY,
        INVENTORY,
        OPEN_ORDERS,
        RECEIPTS,
        ASSORTMENT,
        LANES,
        PRICES,
        CALENDAR,
        SIGNALS,
        CAPACITIES,
        OVERRIDES,
    )
}

#: Gold tables, in the order in which a night writes them.
GOLD: tuple[Table, ...] = (
    FEATURES_TABLE,
    CORRECTIONS,
    FORECASTS,
    PATH_RANKS,
    ORDERS,
    ORDER_REASONS,
    SHADOW_PRICES,
    CERTIFICATES,
    PROJECTIONS,
    EXCEPTIONS,
    ACCURACY,
    OUTCOMES,
    KPIS,
)
OPS: tuple[Table, ...] = (NIGHTS, FILES, QUALITY_RESULTS, QUARANTINE, MODELS, BACKTESTS)

#: Every table of the lake by its path, ``layer/name``.
TABLES: dict[str, Table] = {
    table.path: table
    for table in (
        *(feed.bronze() for feed in FEEDS.values()),
        *(feed.silver() for feed in FEEDS.values()),
        DEMAND,
        *GOLD,
        SIMULATIONS,
        *OPS,
    )
}
