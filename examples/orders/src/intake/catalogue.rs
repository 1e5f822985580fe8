//! Names, places and goods of a shop that does not exist.
//!
//! Only words: what is done with them is decided in [`super::day`] and [`super::twin`]. The
//! invariant it guards: whatever is changed here changes every seeded day and every twin, and so
//! their golden numbers.

/// What the shop sells: code, name and price in pence.
// tidy: table
pub(super) const PRODUCTS: [(&str, &str, u32); 60] = [
    ("KT-101", "Tea pot, blue glaze", 1850),
    ("KT-102", "Tea cosy, lambswool", 925),
    ("KT-103", "Milk jug, half pint", 640),
    ("KT-104", "Sugar bowl with spoon", 575),
    ("KT-105", "Egg cup, hen", 260),
    ("KT-106", "Bread knife, ash handle", 1499),
    ("KT-107", "Bread board, beech", 1275),
    ("KT-108", "Rolling pin, marble", 2150),
    ("KT-109", "Cake tin, three tiers", 1695),
    ("KT-110", "Biscuit cutter, moon", 145),
    ("KT-111", "Biscuit cutter, boat", 145),
    ("KT-112", "Spice rack, eight jars", 2495),
    ("KT-113", "Pepper mill, walnut", 1990),
    ("KT-114", "Salad bowl, olive wood", 3450),
    ("KT-115", "Tea towel, harbour print", 480),
    ("KT-116", "Apron, butcher stripe", 1350),
    ("KT-117", "Oven glove, denim", 795),
    ("KT-118", "Storage jar, one litre", 560),
    ("KT-119", "Bottle opener, brass fish", 690),
    ("KT-120", "Sieve, enamel", 865),
    ("GD-201", "Watering can, two gallons", 2240),
    ("GD-202", "Hand trowel, copper", 1780),
    ("GD-203", "Hand fork, copper", 1780),
    ("GD-204", "Seed box, twelve drawers", 2890),
    ("GD-205", "Twine, jute, 100 m", 320),
    ("GD-206", "Plant labels, slate, ten", 545),
    ("GD-207", "Bird table, oak", 4950),
    ("GD-208", "Nest box, wren", 1625),
    ("GD-209", "Lantern, storm glass", 1980),
    ("GD-210", "Kneeling mat, felt", 1120),
    ("GD-211", "Garden gloves, leather", 1395),
    ("GD-212", "Rain gauge, brass", 1560),
    ("DK-301", "Notebook, ruled, linen", 760),
    ("DK-302", "Notebook, plain, linen", 760),
    ("DK-303", "Pencils, cedar, dozen", 495),
    ("DK-304", "Pencil sharpener, brass", 285),
    ("DK-305", "Letter rack, wire", 940),
    ("DK-306", "Desk lamp, green shade", 5600),
    ("DK-307", "Paperweight, sea glass", 1240),
    ("DK-308", "Blotter, leather", 2675),
    ("DK-309", "Ink, blue black, 50 ml", 890),
    ("DK-310", "Envelopes, laid, fifty", 615),
    ("DK-311", "Wall calendar, tides", 999),
    ("DK-312", "Magnifier, horn handle", 1830),
    ("TY-401", "Wooden tram, red", 1595),
    ("TY-402", "Wooden lighthouse", 1325),
    ("TY-403", "Skittles, nine sailors", 2390),
    ("TY-404", "Kite, swallow", 1150),
    ("TY-405", "Spinning top, tin", 430),
    ("TY-406", "Marbles, bag of forty", 375),
    ("TY-407", "Jigsaw, old harbour", 1299),
    ("TY-408", "Hand puppet, badger", 1045),
    ("TY-409", "Card game, ferrymen", 720),
    ("TY-410", "Night light, whale", 1875),
    ("HM-501", "Blanket, herringbone", 6490),
    ("HM-502", "Cushion, moss green", 2150),
    ("HM-503", "Candle, beeswax, pair", 850),
    ("HM-504", "Door mat, coir", 1690),
    ("HM-505", "Coat hooks, iron, five", 2320),
    ("HM-506", "Umbrella stand, cork", 3975),
];

pub(super) const FIRST_NAMES: [&str; 32] = [
    "Ada", "Bram", "Clara", "Dermot", "Edith", "Felix", "Greta", "Hugo", "Ines", "Jonas", "Katja",
    "Lars", "Maeve", "Nils", "Olive", "Pavel", "Quentin", "Rosa", "Silas", "Tilda", "Una",
    "Victor", "Wanda", "Xaver", "Yvonne", "Zeno", "Agnes", "Basil", "Cora", "Dario", "Elsa",
    "Fintan",
];

pub(super) const LAST_NAMES: [&str; 32] = [
    "Abbott",
    "Brandt",
    "Carrick",
    "Dubois",
    "Eriksen",
    "Farrow",
    "Gallo",
    "Hendry",
    "Ivers",
    "Jansen",
    "Keller",
    "Lindqvist",
    "Marlow",
    "Novak",
    "Oakes",
    "Pereira",
    "Quill",
    "Ritter",
    "Sandoval",
    "Thorne",
    "Ulrich",
    "Vermeer",
    "Whitlock",
    "Xavier",
    "Yardley",
    "Zeller",
    "Ashby",
    "Bellamy",
    "Corrigan",
    "Dahl",
    "Eastman",
    "Fontaine",
];

pub(super) const STREETS: [&str; 20] = [
    "Anchor Lane",
    "Beech Road",
    "Canal Street",
    "Dyer's Row",
    "East Parade",
    "Ferry Road",
    "Granary Square",
    "Hill Street",
    "Ivy Close",
    "Junction Road",
    "Kiln Lane",
    "Lime Avenue",
    "Mill Street",
    "North Quay",
    "Orchard Way",
    "Priory Gardens",
    "Quarry Road",
    "River Walk",
    "Station Road",
    "Tannery Court",
];

/// Countries with towns; the first is at home and most orders go there.
pub(super) const COUNTRIES: [(&str, [&str; 4]); 8] = [
    ("United Kingdom", ["LS9 4QT Fernley", "BS3 7XA Oldport", "NE6 2KD Harwick", "EX1 9ZP Combe"]),
    (
        "Ireland",
        ["T45 XK20 Ballycarn", "F92 PW61 Dunrea", "H71 AE38 Kilbrack", "V15 TY04 Rossmore"],
    ),
    ("Germany", ["21987 Altenhafen", "80112 Moosbrunn", "50199 Rheinfelde", "01019 Elbau"]),
    (
        "France",
        ["69099 Montclair-sur-Saone", "33098 Port-Garonne", "59097 Hautmarais", "13099 Calvan"],
    ),
    (
        "Netherlands",
        ["1099 ZX Oudewaal", "3099 XB Maasdijk", "9799 KL Noorderzijl", "6299 GH Heuvelrade"],
    ),
    ("Belgium", ["9099 Leiebeke", "4099 Mont-Ourthe", "8499 Zeebrugge-Oost", "2099 Scheldedam"]),
    ("Spain", ["41099 Villarrosa", "08099 Puerto Claro", "46099 Naranjal", "15099 Costafria"]),
    ("Sweden", ["411 99 Norrhamn", "214 98 Soderby", "903 97 Alvnas", "753 99 Fyrisdal"]),
];

/// How a twin's products are called: a colour, a material and a thing.
pub(super) const COLOURS: [&str; 9] =
    ["AMBER", "BOTTLE GREEN", "CHALK", "DUSK BLUE", "EMBER", "FROSTED", "MUSTARD", "PLUM", "SLATE"];
pub(super) const MATERIALS: [&str; 7] =
    ["BRASS", "CORK", "ENAMEL", "FELT", "OAK", "PORCELAIN", "WICKER"];
pub(super) const THINGS: [&str; 10] = [
    "BISCUIT BARREL",
    "BOOKEND",
    "CANDLE RING",
    "DOOR WEDGE",
    "FRUIT DISH",
    "JAM POT",
    "LETTER BOX",
    "MONEY BOAT",
    "NAPKIN CLIP",
    "PEG BASKET",
];
