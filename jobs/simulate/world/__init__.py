"""A seeded omni-channel retailer whose law of demand and supply is written down (docs/world.md).

What other packages use. Arrays are numpy; units are whole (int64); a day is a ``datetime.date``; no Spark.

    config = load(file)                     WorldConfig of a TOML file; `preset = "calm" | "retail" | "hard"` and keys that differ
    world = World(config)                   the network and the law's parameters; fixed, the same for every policy
    state = world.start()                   State before opening on config.first
    while state.day < day:                  state.day is the business date D: all before it has happened, its orders are still to come
        state, night = world.advance(state, world.usual_orders(state))

**Rows.** What holds stock: ``world.rows`` has arrays of length [rows]: first the lines (an item at a store or online site,
``world.lines`` of them), then an item at a distribution centre. Each row has exactly one lane that supplies it. Columns:
item_id, location_id, source_id (str), item, location, source, lane (int index), multiple, life (days; 0: for ever), level,
lead (days), lead_std, active_from, active_to (days since ordinal 1), supplied_by (row of the centre that ships it; -1: a supplier).
``world.row_of(item_ids, location_ids) -> [n]`` finds rows (-1: none), ``world.orders_of(table) -> [rows]`` adds up an Arrow table
with item_id, location_id and units, such as gold/orders.

**Series.** Demand is by line and channel: [lines, 2]; ``world.channel_names`` [lines, 2] (str; "" where a line has no second channel).

**A night.** ``advance(state, orders)``: orders [rows] units placed on D before opening (0: none; not checked for packs).
It does, in this order: what is due arrives; orders are accepted as far as source and limits allow (a centre's stock leaves it now);
what arrives the same day arrives; demand is met from stock, both channels from one; batches past their last day are thrown away.
The old state is untouched, so several policies can go on from one. ``Night`` has, of day D,

    moves.opening, received, shipped, sold, wasted, closing   [rows]    opening + received - shipped - sold - wasted = closing
    asked, moves.ordered                                      [rows]    orders; what of them is accepted: received later or in transit
    demand, sold                                              [lines, 2] latent demand and sales; lost = demand - sold
    in_stock                                                  [lines]   share of the selling hours; NaN: closed, or not sold any more or yet
    law.mean [lines, 2], law.multiplier [lines]               the law of that demand (``demand.Demand``)
    placed, receipts                                          Transit: order lines accepted; those that arrived

Balances, to the unit: sum accepted so far = sum received so far + in transit (``state.goods.in_transit``).
``State`` is plain arrays: ``state.save(file)``, ``State.load(file)`` (npz), so that a simulation can resume:
day; ``state.goods.stock`` (on_hand [rows]; batches: units by days left) and ``state.goods.transit`` (row, source, units, ordered_on,
expected_on, arrives_on as ordinals: expected_on is promised, arrives_on hidden; jobs/simulate/goods.py);
``state.hidden`` (the law's hidden factors); ``state.rate`` [rows].

**Brackets.** ``world.foresight(state, horizon) -> [lines, 2, horizon]`` the demand that will be drawn whatever is ordered;
``world.paths(state, horizon, count, seed) -> [lines, horizon, count]`` demand of both channels drawn from the law, given the hidden
state at D, prices, events and weather ahead; ``world.mean_ahead(state, horizon) -> [lines, 2, horizon]`` its mean.

**Files.** ``masters.tables(world) -> {feed: Arrow table}`` what never changes; ``feeds.Feeds(world).drop(state, night) -> {feed: Arrow
table}`` the drop of business date state.day, after ``state, night = world.advance(...)``: sales, availability, receipts of the day
before, inventory after its close, open_orders, prices newly known, signals. ``job.main(config, landing, truth)`` is `nightfill world`.

Draws are keyed by what they are for (seed, item, location, channel, day, or source, location, day): the same for every policy.
"""

from jobs.simulate.world.config import WorldConfig, load, parse
from jobs.simulate.world.state import Night, State
from jobs.simulate.world.world import World

__all__ = ["Night", "State", "World", "WorldConfig", "load", "parse"]
