//! Documents as they are drawn: few products and few customers, so that they collide.
//!
//! What the application makes of them is its own business. The invariant it guards: a paper says
//! all that its document begins with, and its sums are its own arithmetic, not the application's.

use crate::frame::one_of;
use ::orders::{
    domain::{
        Customer, CustomerNo, Discount, Document, DocumentNo, Line, LocalTime, Money, Order,
        PaymentMethod, Placed, Quantity, Return, ReturnEvent, ReturnPlaced, StockCode, WriteOff,
        WriteOffEvent, WriteOffPlaced,
    },
    sagas::{Book, BookError, saga_id},
};
use sagalog::{NewEvent, SagaId, Store, StreamId};
use sagalog_testkit::{Choices, Seeded};
use serde::{Deserialize, Serialize};

/// What is sold: the last one is a service, of which there is no shelf.
pub(super) const PRODUCTS: [&str; 4] = ["LAMP", "MUG", "CLOCK", "POST"];
/// What a piece of each costs, in pence.
const PENCE: [i64; 4] = [1_250, 299, 4_000, 495];
/// How many customers have numbers.
const CUSTOMERS: u64 = 3;
/// More than any document has lines.
const LINES_MAX: u64 = 16;

/// A line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "the suite's own vocabulary")]
pub struct Item {
    /// Which product.
    pub product: usize,
    /// How many pieces.
    pub pieces: u32,
    /// What one costs.
    pub pence: i64,
}

/// A document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::exhaustive_enums, reason = "the suite's own vocabulary")]
pub enum Paper {
    /// An order.
    Order {
        /// Whose, unless it is a guest.
        customer: Option<u64>,
        /// What.
        items: Vec<Item>,
        /// So many hundredths are taken off.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        off: Option<u8>,
    },
    /// A return.
    Return {
        /// Whose, unless it is a guest.
        customer: Option<u64>,
        /// What, at which price.
        items: Vec<Item>,
    },
    /// A write-off.
    WriteOff {
        /// What; prices count for nothing.
        items: Vec<Item>,
    },
}

/// A document with its number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "the suite's own vocabulary")]
pub struct Numbered {
    /// Its number.
    pub number: u64,
    /// The document.
    #[serde(flatten)]
    pub paper: Paper,
}

/// A document's number, in the application's words.
pub(super) fn document_no(number: u64) -> DocumentNo {
    DocumentNo::parse(&format!("N{number}")).expect("a short name")
}

/// The number of a document, from the application's words.
pub(super) fn number_of(name: &str) -> Option<u64> {
    name.strip_prefix('N')?.parse().ok()
}

fn code(product: usize) -> StockCode {
    StockCode::parse(PRODUCTS[product % PRODUCTS.len()]).expect("a short name")
}

fn noon() -> LocalTime {
    LocalTime::try_new((2011, 6, 1), (12, 0)).expect("there was such a day")
}

fn customer_no(customer: u64) -> CustomerNo {
    CustomerNo::parse(&format!("K{customer}")).expect("a short name")
}

impl Item {
    /// What the line comes to.
    pub(super) fn amount(&self) -> i64 {
        self.pence * i64::from(self.pieces)
    }

    /// Whether there is a shelf for it.
    pub(super) fn is_goods(&self) -> bool {
        self.product + 1 < PRODUCTS.len()
    }

    fn line(&self, at: u64) -> Line {
        Line {
            at,
            product: code(self.product),
            description: String::new(),
            quantity: Quantity::try_new(self.pieces).expect("some pieces, and not many"),
            price: Money::pence(self.pence),
        }
    }
}

impl Paper {
    /// Its lines.
    pub(super) fn items(&self) -> &[Item] {
        match self {
            Self::Order { items, .. } | Self::Return { items, .. } | Self::WriteOff { items } => {
                items
            }
        }
    }

    /// What its lines come to, less what is taken off; in pence.
    pub(super) fn total(&self) -> i64 {
        let whole: i64 = self.items().iter().map(Item::amount).sum();
        match self {
            Self::Order { off: Some(percent), .. } => whole - whole * i64::from(*percent) / 100,
            _ => whole,
        }
    }

    /// What an order is placed with.
    pub(super) fn placed(&self, number: u64) -> Option<Placed> {
        let Self::Order { customer, off, .. } = self else { return None };
        Some(Placed {
            customer: Customer { number: customer.map(customer_no), recipient: None },
            country: "Elsewhere".into(),
            ordered_at: noon(),
            payment: PaymentMethod::Card,
            lines: self.lines(number),
            discount: off.map(Discount::Percentage),
        })
    }

    /// What a return is placed with.
    pub(super) fn returned(&self, number: u64) -> Option<ReturnPlaced> {
        let Self::Return { customer, .. } = self else { return None };
        let customer = customer.map(customer_no);
        let (country, returned_at) = ("Elsewhere".into(), noon());
        Some(ReturnPlaced { customer, country, returned_at, lines: self.lines(number) })
    }

    /// What a write-off is placed with.
    pub(super) fn written_off(&self) -> Option<WriteOffPlaced> {
        let Self::WriteOff { items } = self else { return None };
        let lines = items.iter().map(|item| (code(item.product), item.pieces)).collect();
        Some(WriteOffPlaced { written_at: noon(), lines })
    }

    /// Lines of later documents stand later.
    fn lines(&self, number: u64) -> Vec<Line> {
        let at = |nth: usize| number * LINES_MAX + u64::try_from(nth).unwrap_or(0) + 1;
        self.items().iter().enumerate().map(|(nth, item)| item.line(at(nth))).collect()
    }

    /// The saga of the document.
    pub(super) fn saga(&self, number: u64) -> SagaId {
        let number = document_no(number);
        match self {
            Self::Order { .. } => saga_id::<Order>(&number),
            Self::Return { .. } => saga_id::<Return>(&number),
            Self::WriteOff { .. } => saga_id::<WriteOff>(&number),
        }
    }

    /// The name of the document's stream.
    pub(super) fn stream(&self, number: u64) -> String {
        let number = document_no(number);
        match self {
            Self::Order { .. } => Order::name(&number),
            Self::Return { .. } => Return::name(&number),
            Self::WriteOff { .. } => WriteOff::name(&number),
        }
    }

    /// The event that the document begins with, and where.
    pub(super) fn first(
        &self,
        number: u64,
        store: &Store,
    ) -> Result<(StreamId, NewEvent), BookError> {
        let no = document_no(number);
        if let Some(placed) = self.placed(number) {
            return Book::<Order>::new(store.clone()).placed(&no, placed);
        }
        if let Some(placed) = self.returned(number) {
            let book = Book::<Return>::new(store.clone());
            return book.begin(&no, &ReturnEvent::Placed(placed));
        }
        let placed = self.written_off().expect("it is one of three");
        Book::<WriteOff>::new(store.clone()).begin(&no, &WriteOffEvent::Placed(placed))
    }

    /// Draws a document. `orders` are earlier ones that can be returned.
    pub(super) fn draw(choices: &mut Seeded, orders: &[Self]) -> Self {
        match choices.below(8) {
            0..=4 => draw_order(choices),
            5 | 6 => draw_return(choices, orders),
            _ => draw_write_off(choices),
        }
    }

    /// The same with a line less.
    pub(super) fn shorter(&self) -> impl Iterator<Item = Self> {
        let without = |at: usize| {
            let mut paper = self.clone();
            match &mut paper {
                Self::Order { items, .. }
                | Self::Return { items, .. }
                | Self::WriteOff { items } => drop(items.remove(at)),
            }
            paper
        };
        (0..self.items().len()).map(without)
    }
}

fn draw_customer(choices: &mut Seeded) -> Option<u64> {
    (choices.below(8) > 0).then(|| choices.below(CUSTOMERS))
}

fn draw_item(choices: &mut Seeded) -> Item {
    let product = usize::try_from(choices.below(PRODUCTS.len() as u64)).unwrap_or(0);
    let pieces = 1 + u32::try_from(choices.below(5)).unwrap_or(0);
    let pence = if choices.below(8) == 0 { 0 } else { PENCE[product] };
    Item { product, pieces, pence }
}

/// One in sixteen has no lines, some have nothing to pay.
fn draw_order(choices: &mut Seeded) -> Paper {
    let lines = if choices.below(16) == 0 { 0 } else { 1 + choices.below(4) };
    let off = (choices.below(6) == 0).then(|| *one_of(choices, &[5, 33, 100]));
    let customer = draw_customer(choices);
    Paper::Order { customer, items: (0..lines).map(|_| draw_item(choices)).collect(), off }
}

/// Some of the lines of an earlier order, wholly, partly or more than that; at its price or
/// another. Now and then what nobody has bought.
fn draw_return(choices: &mut Seeded, orders: &[Paper]) -> Paper {
    let at = usize::try_from(choices.below(orders.len() as u64)).unwrap_or(0);
    let Some(Paper::Order { customer, items, .. }) = orders.get(at) else {
        let (customer, item) = (draw_customer(choices), draw_item(choices));
        return Paper::Return { customer, items: vec![item] };
    };
    let mut back = Vec::new();
    for item in items {
        if choices.below(3) == 0 {
            continue;
        }
        let pieces = match choices.below(4) {
            0 => item.pieces + 1,
            1 => 1 + u32::try_from(choices.below(u64::from(item.pieces))).unwrap_or(0),
            _ => item.pieces,
        };
        let pence = match choices.below(8) {
            0 => item.pence + 100,
            1 => item.pence / 2,
            _ => item.pence,
        };
        back.push(Item { pieces, pence, ..*item });
    }
    if back.is_empty() {
        back.push(draw_item(choices));
    }
    Paper::Return { customer: *customer, items: back }
}

fn draw_write_off(choices: &mut Seeded) -> Paper {
    let (goods, lines) = (PRODUCTS.len() as u64 - 1, 1 + choices.below(2));
    let item = |_| Item {
        product: usize::try_from(choices.below(goods)).unwrap_or(0),
        pieces: *one_of(choices, &[1, 2, 5, 900]),
        pence: 0,
    };
    Paper::WriteOff { items: (0..lines).map(item).collect() }
}
