"""What a retailer may deliver wrongly, and what becomes of it: one table, for the tests and for docs/bad_input.md.

``python -m tests.bad_input`` writes the page.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "bad_input.md"
DROP = date(2024, 5, 19)
NIGHT = date(2024, 5, 20)

_SALES = "item_id,location_id,sold_at,units\n"
_ITEMS = "item_id,name\n"
_LANES = "source_id,location_id,lead_time_days,order_days\n"
_AVAILABLE = "item_id,location_id,date,in_stock_fraction\n"
_PRICES = "item_id,location_id,date,unit_price\n"
_CLOSED = "".join(f"shut,{NIGHT + timedelta(days=n)},closed\n" for n in range(80))

#: The sound masters that the cases refer to.
BASE = {
    "items/base.csv": _ITEMS + "i1,Milk\n007,Leading zeros\nbare,No cost anywhere\n",
    "locations/base.csv": "location_id,kind,region\nS1,store,north\nS2,store,north\nS9,store,shut\nDC,dc,north\nV,supplier,\n",
}


def _cut_parquet() -> bytes:
    whole = io.BytesIO()
    pq.write_table(pa.table({"item_id": ["i1"] * 99, "location_id": ["S1"] * 99, "units": [1.0] * 99}), whole)
    return whole.getvalue()[:-20]


@dataclass(frozen=True)
class FileCase:
    """One file in a landing folder full of other files.

    given         the input, in words
    file          feed/name; it lies in the drop of DROP
    content       its bytes
    kept          rows in silver
    rules         rules that its rows in quarantine break, one tuple a row, in order
    defect        why the whole file cannot be used: the gate `file_unreadable` then stops the night
    duplicates    records left out because another file brought the same content
    unread        the file is passed over
    changed_to    content with which the file is overwritten before the folder is read a second time
    note          what else happens, in words
    """

    given: str
    file: str
    content: str | bytes
    kept: int = 0
    rules: tuple[tuple[str, ...], ...] = ()
    defect: str | None = None
    duplicates: int = 0
    unread: bool = False
    changed_to: str | None = None
    note: str = ""

    @property
    def feed(self) -> str:
        """Folder of the file."""
        return self.file.split("/", 1)[0]

    @property
    def path(self) -> str:
        """Path below the landing folder."""
        feed, name = self.file.split("/", 1)
        return f"{feed}/{DROP}/{name}"

    @property
    def outcome(self) -> str:
        """What happens, in words."""
        parts = []
        if self.rules:
            named = sorted({rule for rules in self.rules for rule in rules})
            parts.append(f"quarantine: {', '.join(f'`{rule}`' for rule in named)}")
        if self.defect:
            parts.append(f"file unusable: `{self.defect}`; gate `file_unreadable` stops the night (exit code 3)")
        if self.duplicates:
            parts.append("left out as a duplicate")
        if self.unread:
            parts.append("not read")
        return "; ".join([*(parts or ["accepted"]), *([self.note] if self.note else [])])


@dataclass(frozen=True)
class GateCase:
    """A landing folder as a whole, on which a gate decides.

    files     path below the landing folder -> content; None: that of the file cases
    night     business date
    feed, rule, stops   the gate that fails (rule None: none of the feed's fails)
    """

    given: str
    feed: str
    rule: str | None
    stops: bool
    files: str
    night: date = NIGHT
    note: str = ""

    @property
    def outcome(self) -> str:
        """What happens, in words."""
        if self.rule is None:
            return self.note
        return f"gate `{self.rule}` {'stops the night (exit code 3)' if self.stops else 'warns'}"


@dataclass(frozen=True)
class PlanCase:
    """Good rows that make no sense together: the plan goes on and says so in `gold/exceptions`."""

    given: str
    kind: str
    note: str

    @property
    def outcome(self) -> str:
        """What happens, in words."""
        return f"exception `{self.kind}`; {self.note}"


@dataclass(frozen=True)
class CommandCase:
    """A command that cannot do anything."""

    given: str
    command: tuple[str, ...]
    says: str
    exit_code: int = 2

    @property
    def outcome(self) -> str:
        """What happens, in words."""
        return f"exit code {self.exit_code}: {self.says}"


FILES = (
    # ---- whole files
    FileCase("an empty file", "assortment/empty.csv", "", defect="empty_file"),
    FileCase(
        "a header and nothing else", "open_orders/header.csv", "order_id,item_id,source_id,location_id,units,ordered_on,expected_on\n"
    ),
    FileCase(
        "semicolons instead of commas",
        "receipts/semicolon.csv",
        "item_id;location_id;units;received_on\ni1;S1;3;2024-05-19\n",
        rules=(("missing_column",),),
        defect="missing_column",
    ),
    FileCase(
        "a required column is missing",
        "overrides/no_reason.csv",
        "item_id,location_id,business_date,units\ni1,S1,2024-05-20,3\ni1,S2,2024-05-20,4\n",
        rules=(("missing_column",),) * 2,
        defect="missing_column",
    ),
    FileCase(
        "a column comes twice",
        "capacities/twice.csv",
        "resource,limit,unit,unit\nbudget,5,value,units\n",
        rules=(("duplicate_column",),),
        defect="duplicate_column",
    ),
    FileCase("a truncated Parquet file", "availability/cut.parquet", _cut_parquet(), defect="unreadable"),
    FileCase("a file that is neither CSV nor Parquet", "inventory/stock.xlsx", b"PK\x03\x04", defect="unknown_format"),
    FileCase("an unfinished file (`.tmp`)", "sales/part.csv.tmp", _SALES + "i1,S1,2024-05-19,1\n", unread=True),
    FileCase(
        "a column outside the contract",
        "sales/extra.csv",
        "item_id,location_id,sold_at,units,customer_email\ni1,S1,2024-05-19,1,a@example.org\n",
        kept=1,
        note="the column stays in bronze, is reported once and never gets further",
    ),
    FileCase("a folder that is no feed", "weather/rain.csv", "date,rain\n2024-05-19,3\n", unread=True, note="exception `unknown_feed`"),
    FileCase("the same file twice", "sales/again.csv", _SALES + "i1,S1,2024-05-19,2\n", kept=1, note="the second time nothing happens"),
    FileCase("sales of the same content under another name", "sales/copy.csv", _SALES + "i1,S1,2024-05-19,2\n", duplicates=1),
    FileCase("prices of the same content: first name", "prices/one.csv", _PRICES + "i1,S1,2024-05-19,2.50\n", kept=1),
    FileCase(
        "prices of the same content under another name",
        "prices/two.csv",
        _PRICES + "i1,S1,2024-05-19,2.50\n",
        kept=1,
        note="a new statement of the same key, which wins",
    ),
    FileCase(
        "a file changed in place",
        "sales/changed.csv",
        _SALES + "i1,S1,2024-05-19,4\ni1,S2,2024-05-19,5\ni1,S2,2024-05-19,x\n",
        kept=1,
        changed_to=_SALES + "i1,S2,2024-05-19,6\n",
        note="its rows replace those it brought; exception `changed_file`",
    ),
    # ---- records
    FileCase("a record with too few fields", "sales/short.csv", _SALES + "i1,S1,2024-05-19\ni1,S1,2024-05-19,1\n", 1, (("short_record",),)),
    FileCase(
        "a record with too many fields", "sales/long.csv", _SALES + "i1,S1,2024-05-19,1,2\ni1,S1,2024-05-19,7\n", 1, (("long_record",),)
    ),
    FileCase("bytes that are not UTF-8 (Latin-1)", "items/latin1.csv", _ITEMS.encode() + b"i2,Caf\xe9\ni3,Tea\n", 1, (("not_utf8",),)),
    FileCase("quotes, commas and line breaks in names", "items/quotes.csv", _ITEMS + 'i4,"12"" board, oak\nand ash"\n', kept=1),
    FileCase(
        "ids with leading zeros", "sales/zeros.csv", _SALES + "007,S1,2024-05-19,1\n", kept=1, note="ids are texts and stay as they are"
    ),
    # ---- values
    FileCase("a text where a number belongs", "sales/types.csv", _SALES + "i1,S1,2024-05-19,three\n", 0, (("units_wrong_type",),)),
    FileCase("half a day of shelf life", "items/halves.csv", "item_id,shelf_life_days\ni5,2.5\n", 0, (("shelf_life_days_wrong_type",),)),
    FileCase("not a number (NaN)", "sales/nan.csv", _SALES + "i1,S1,2024-05-19,NaN\n", 0, (("units_not_finite",),)),
    FileCase("infinity", "signals/infinite.csv", "date,name,value\n2024-05-19,rain,inf\n", 0, (("value_not_finite",),)),
    FileCase("a negative price", "prices/negative.csv", _PRICES + "i1,S1,2024-05-18,-1\n", 0, (("unit_price_out_of_range",),)),
    FileCase(
        "negative stock",
        "inventory/negative.csv",
        "item_id,location_id,as_of,on_hand\ni1,S1,2024-05-19,-3\n",
        kept=1,
        note="counts as 0; exception `negative_stock`",
    ),
    FileCase("an absurd quantity", "sales/absurd.csv", _SALES + "i1,S1,2024-05-19,9000000000\n", 0, (("units_out_of_range",),)),
    FileCase(
        "more than all of the day in stock",
        "availability/share.csv",
        _AVAILABLE + "i1,S1,2024-05-19,1.5\n",
        0,
        (("in_stock_fraction_out_of_range",),),
    ),
    FileCase(
        "dates that cannot be read",
        "availability/dates.csv",
        _AVAILABLE + "i1,S1,19.05.2024,1\ni1,S1,2024-02-30,1\n",
        0,
        (("date_unparseable_date",),) * 2,
    ),
    FileCase("a sale dated after its drop", "sales/future.csv", _SALES + "i1,S1,2024-06-15,1\n", 0, (("future_date",),)),
    FileCase("a date before any history", "sales/ancient.csv", _SALES + "i1,S1,1802-01-01,1\n", 0, (("date_out_of_range",),)),
    FileCase("a required value is missing", "sales/missing.csv", _SALES + ",S1,2024-05-19,1\n", 0, (("item_id_missing",),)),
    FileCase("an unknown item", "sales/item.csv", _SALES + "i99,S1,2024-05-19,1\n", 0, (("unknown_item",),)),
    FileCase("an unknown location", "sales/location.csv", _SALES + "i1,S99,2024-05-19,1\n", 0, (("unknown_location",),)),
    FileCase(
        "a row that is wrong twice", "sales/wrong.csv", _SALES + "i99,S1,2024-05-19,NaN\n", 0, (("units_not_finite", "unknown_item"),)
    ),
    FileCase("an unknown kind of location", "locations/kind.csv", "location_id,kind\nS5,kiosk\n", 0, (("kind_not_allowed",),)),
    FileCase(
        "an unknown time zone", "locations/zone.csv", "location_id,kind,timezone\nS6,store,Mars/Base\n", 0, (("timezone_not_allowed",),)
    ),
    # ---- lanes
    FileCase("a lane to nowhere", "lanes/nowhere.csv", _LANES + "DC,S99,1,\n", 0, (("unknown_location",),)),
    FileCase("a lane to itself", "lanes/itself.csv", _LANES + "DC,DC,1,\n", 0, (("lane_to_itself",),)),
    FileCase("lead time 0", "lanes/zero.csv", _LANES + "V,DC,0,\n", kept=1, note="the order is on the shelf before opening"),
    FileCase("lead time 400", "lanes/year.csv", _LANES + "V,S1,400,\n", 0, (("lead_time_days_out_of_range",),)),
    FileCase("order days that are none", "lanes/funday.csv", _LANES + 'V,S1,1,"mon,funday"\n', 0, (("order_days_malformed",),)),
    FileCase("lanes in a circle", "lanes/circle.csv", _LANES + "DC,S1,1,\nS1,S2,1,\nS2,DC,1,\n", kept=3, note="see below"),
    FileCase("a lane to a closed region", "lanes/shut.csv", _LANES + "DC,S9,1,mon\n", kept=1, note="see below"),
    FileCase(
        "a budget that counts units", "capacities/budget.csv", "resource,limit,unit\nbudget,50,units\n", 0, (("budget_not_in_value",),)
    ),
    FileCase("a region that is closed for 80 days", "calendar/shut.csv", "region,date,event\n" + _CLOSED, kept=80),
)
#: Landing folders of the gate cases, by name; "files" is that of the file cases.
LANDINGS = {
    "bare": {"items/2024-05-19/header.csv": _ITEMS, "locations/2024-05-19/base.csv": BASE["locations/base.csv"]},
}
GATES = (
    GateCase("the folder of a required feed is missing", "sales", "feed_missing", stops=True, files="bare"),
    GateCase("a required feed holds a header only", "items", "feed_empty", stops=True, files="bare"),
    GateCase(
        "the folder of another feed is missing", "prices", None, stops=False, files="bare", note="accepted: its documented default holds"
    ),
    GateCase("no history before the business date", "sales", "feed_empty", stops=True, files="files", night=DROP),
    GateCase("more than a fifth of a feed is bad", "sales", "quarantined_share_too_high", stops=True, files="files"),
    GateCase("more than a fifth of the signals is bad", "signals", "quarantined_share_too_high", stops=False, files="files"),
)
PLANS = (
    PlanCase(
        "lanes in a circle",
        "lane_cycle",
        "goods cannot come from themselves; the other lanes are planned, distribution centres on the circle don't order",
    ),
    PlanCase("order days that never bring a delivery", "no_order_day", "no order on this lane"),
    PlanCase("neither cost nor price of an item", "no_unit_cost", "the unit cost is taken as 1"),
    PlanCase("an item that nobody supplies", "no_lane", "no order"),
)
COMMANDS = (
    CommandCase("no lake", ("status", "--lake", "{tmp}/nothing"), "there is no lake at"),
    CommandCase(
        "no drop", ("nightly", "--landing", "{tmp}/landing", "--lake", "{tmp}/lake", "--business-date", "latest"), "no drop has landed in"
    ),
    CommandCase(
        "a business date that is none",
        ("nightly", "--landing", "{tmp}", "--lake", "{tmp}", "--business-date", "2024-02-30"),
        "is neither a date",
    ),
)


@dataclass(frozen=True)
class _Section:
    title: str
    text: str
    rows: list[tuple[str, str, str]] = field(default_factory=list)


def document() -> str:
    """The page: every case, what happens, and the rows kept."""
    sections = [
        _Section(
            "Files and rows",
            "Bad rows never stop the night by themselves and never vanish: `ops/quarantine` keeps file, record number, every rule "
            "broken and the values as delivered. Correct the file and deliver it again under the same name.",
            [(c.given, c.outcome, str(c.kept)) for c in FILES],
        ),
        _Section(
            "Feeds",
            "Gates judge a feed as a whole. A night that is stopped publishes nothing and says which feed, which rule, how many rows, "
            "three examples and what to do.",
            [(c.given, c.outcome, "-") for c in GATES],
        ),
        _Section("Plan", "Rows that are good one by one but make no sense together.", [(c.given, c.outcome, "all") for c in PLANS]),
        _Section("Commands", "What stops a command before anything is read.", [(c.given, c.outcome, "-") for c in COMMANDS]),
    ]
    lines = ["# Bad input", "", "Generated by `python -m tests.bad_input` from the cases that the tests run; don't edit it by hand.", ""]
    for section in sections:
        lines += [f"## {section.title}", "", section.text, "", *_grid(section.rows), ""]
    return "\n".join(lines).rstrip() + "\n"


def _grid(rows: Iterable[tuple[str, str, str]]) -> list[str]:
    return ["| input | what happens | rows kept |", "| --- | --- | --- |", *(f"| {' | '.join(row)} |" for row in rows)]


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")
