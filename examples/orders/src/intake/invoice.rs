//! What the lines of an invoice mean: an order, a return, a write-off, or nothing.
//!
//! Not how lines stand in a file: that is [`super::csv`]. The invariant it guards: a line that is
//! taken is in exactly one document, and an invoice that sells something becomes an order even if
//! none of its lines can be sold, so that the shop rejects it where people see it.

use super::Document;
use crate::domain::{
    Customer, CustomerNo, DocumentNo, Line, LocalTime, Money, PaymentMethod, Placed, Quantity,
    ReturnPlaced, StockCode, WriteOffPlaced,
};
use std::collections::BTreeMap;

/// How many lines an invoice may have: one event of the store holds all of them.
pub(super) const INVOICE_LINES_MAX: u32 = 900;

/// How long a description or a country may be, for the same reason.
const TEXT_BYTES_MAX: usize = 256;

/// The columns of a line behind the invoice number, as they stand in the file.
pub(super) struct Columns<'a> {
    pub(super) product: &'a str,
    pub(super) description: &'a str,
    pub(super) quantity: &'a str,
    pub(super) time: &'a str,
    pub(super) price: &'a str,
    pub(super) customer: &'a str,
    pub(super) country: &'a str,
}

/// All invoices of a file.
#[derive(Default)]
pub(super) struct Invoices {
    /// In the order of their first lines.
    all: Vec<Invoice>,
    places: BTreeMap<DocumentNo, usize>,
    /// What products are called where they are called something.
    descriptions: BTreeMap<StockCode, String>,
}

impl Invoices {
    /// Adds a line to its invoice, or says why not.
    pub(super) fn take(
        &mut self,
        at: u64,
        number: &str,
        columns: &Columns<'_>,
    ) -> Result<(), String> {
        let number = DocumentNo::parse(number).map_err(|error| error.to_string())?;
        let place = *self.places.entry(number).or_insert_with_key(|number| {
            self.all.push(Invoice::new(number.clone()));
            self.all.len() - 1
        });
        let invoice = &mut self.all[place];
        let item = invoice.read(at, columns)?;
        match item {
            Item::WrittenOff { product, pieces, time } => {
                invoice.written_off.add(at, time, (product, pieces));
            }
            Item::Priced { mut line, time } => {
                if line.description.is_empty() {
                    let known = self.descriptions.get(&line.product).cloned();
                    line.description = known.unwrap_or_default();
                } else if !self.descriptions.contains_key(&line.product) {
                    self.descriptions.insert(line.product.clone(), line.description.clone());
                }
                invoice.lines.add(at, time, line);
            }
        }
        Ok(())
    }

    /// What all of it comes to, in the order of first lines.
    pub(super) fn into_documents(self) -> Vec<Document> {
        let mut documents: Vec<_> =
            self.all.into_iter().flat_map(Invoice::into_documents).collect();
        documents.sort_by_key(|(at, _)| *at);
        documents.into_iter().map(|(_, document)| document).collect()
    }
}

/// What the lines of an invoice have in common.
#[derive(Clone)]
struct Head {
    customer: Option<CustomerNo>,
    country: String,
    time: LocalTime,
}

/// The lines of one document, with the time of the first.
struct Part<T> {
    first: Option<(u64, LocalTime)>,
    lines: Vec<T>,
}

impl<T> Default for Part<T> {
    fn default() -> Self {
        Self { first: None, lines: Vec::new() }
    }
}

impl<T> Part<T> {
    fn add(&mut self, at: u64, time: LocalTime, line: T) {
        self.first.get_or_insert((at, time));
        self.lines.push(line);
    }
}

/// A line that can be taken.
enum Item {
    WrittenOff { product: StockCode, pieces: u32, time: LocalTime },
    Priced { line: Line, time: LocalTime },
}

/// What becomes of so many pieces.
#[derive(Clone, Copy)]
enum Meaning {
    Sold(u64),
    Returned(u64),
    WrittenOff(u64),
}

/// The lines of an invoice so far.
struct Invoice {
    number: DocumentNo,
    /// How many lines came, also those that were not taken.
    came: u32,
    /// Of the first line that was taken: the others have to agree with it.
    head: Option<Head>,
    /// Of the first line that says when and where to, in case that none is taken.
    spare: Option<Head>,
    /// The first line that is no write-off, whether it was taken or not.
    priced_at: Option<u64>,
    lines: Part<Line>,
    written_off: Part<(StockCode, u32)>,
}

impl Invoice {
    fn new(number: DocumentNo) -> Self {
        let (lines, written_off) = (Part::default(), Part::default());
        Self { number, came: 0, head: None, spare: None, priced_at: None, lines, written_off }
    }

    fn is_return(&self) -> bool {
        self.number.as_str().starts_with('C')
    }

    /// Understands a line and checks it by itself and against the others.
    fn read(&mut self, at: u64, columns: &Columns<'_>) -> Result<Item, String> {
        self.came = self.came.saturating_add(1);
        if self.came > INVOICE_LINES_MAX {
            return Err(format!("an invoice has at most {INVOICE_LINES_MAX} lines"));
        }
        let meaning = signed(columns.quantity).and_then(|quantity| self.meaning(quantity));
        if !matches!(meaning, Ok(Meaning::WrittenOff(_))) {
            self.priced_at.get_or_insert(at);
        }
        let time = time(columns.time);
        let (customer, country) = (customer(columns.customer), country(columns.country));
        if let (None, Ok(time), Ok(country)) = (&self.spare, &time, &country) {
            let customer = customer.clone().unwrap_or_default();
            self.spare = Some(Head { customer, country: country.clone(), time: time.clone() });
        }
        let product = StockCode::parse(columns.product).map_err(|error| error.to_string())?;
        let description = text(columns.description, "the description")?.to_owned();
        let (meaning, time, price) = (meaning?, time?, price(columns.price)?);
        let head = Head { customer: customer?, country: country?, time: time.clone() };
        let (number, without) = match meaning {
            Meaning::WrittenOff(number) => {
                let pieces = off_the_shelf(number, &product)?;
                self.agree(&head)?;
                return Ok(Item::WrittenOff { product, pieces, time });
            }
            Meaning::Sold(number) => (number, "a sold line has no price"),
            Meaning::Returned(number) => (number, "a returned line has no price"),
        };
        let quantity = priced(number, price, without)?;
        self.agree(&head)?;
        Ok(Item::Priced { line: Line { at, product, description, quantity, price }, time })
    }

    /// What the sign of a quantity says.
    fn meaning(&self, quantity: Signed) -> Result<Meaning, &'static str> {
        match quantity {
            Signed::Less(number) if self.is_return() => Ok(Meaning::Returned(number)),
            Signed::Zero | Signed::More(_) if self.is_return() => {
                Err("a return has negative quantities")
            }
            Signed::Less(number) => Ok(Meaning::WrittenOff(number)),
            Signed::Zero => Err("the quantity is zero"),
            Signed::More(number) => Ok(Meaning::Sold(number)),
        }
    }

    /// All lines of an invoice are one customer's and go to one country.
    fn agree(&mut self, head: &Head) -> Result<(), &'static str> {
        let first = self.head.get_or_insert_with(|| head.clone());
        if head.customer != first.customer {
            return Err("the customer is not that of the invoice's first line");
        }
        if head.country != first.country {
            return Err("the country is not that of the invoice's first line");
        }
        Ok(())
    }

    /// The documents, each with the number of its first line.
    fn into_documents(self) -> Vec<(u64, Document)> {
        let is_return = self.is_return();
        let Self { number, head, spare, priced_at, lines, written_off, .. } = self;
        let mut documents = Vec::new();
        if let Some((at, written_at)) = written_off.first {
            let placed = WriteOffPlaced { written_at, lines: written_off.lines };
            documents.push((at, Document::WriteOff(number.clone(), placed)));
        }
        let (Some(priced_at), Some(head)) = (priced_at, head.or(spare)) else {
            return documents;
        };
        let (lines, first) = (lines.lines, lines.first);
        let Head { customer, country, time } = head;
        if is_return {
            if let Some((at, returned_at)) = first {
                let placed = ReturnPlaced { customer, country, returned_at, lines };
                documents.push((at, Document::Return(number, placed)));
            }
        } else {
            let (at, ordered_at) = first.unwrap_or((priced_at, time));
            let customer = Customer { number: customer, recipient: None };
            let payment = PaymentMethod::Invoice;
            let placed = Placed { customer, country, ordered_at, payment, lines, discount: None };
            documents.push((at, Document::Order(number, placed)));
        }
        documents
    }
}

/// A number of pieces with the side of the shelf that they are on.
#[derive(Clone, Copy)]
enum Signed {
    Less(u64),
    Zero,
    More(u64),
}

fn signed(text: &str) -> Result<Signed, &'static str> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("the quantity is no whole number");
    }
    // What does not fit is a number all the same, and more than a line may have.
    match digits.parse().unwrap_or(u64::MAX) {
        0 => Ok(Signed::Zero),
        pieces if digits.len() < text.len() => Ok(Signed::Less(pieces)),
        pieces => Ok(Signed::More(pieces)),
    }
}

fn pieces(number: u64) -> Result<Quantity, String> {
    let quantity = u32::try_from(number).ok().and_then(|pieces| Quantity::try_new(pieces).ok());
    quantity.ok_or_else(|| crate::domain::QuantityError.to_string())
}

/// The pieces of a line that is paid for, one way or the other.
fn priced(number: u64, price: Money, without: &'static str) -> Result<Quantity, String> {
    if price < Money::ZERO {
        return Err("the price is negative".to_owned());
    }
    if price == Money::ZERO {
        return Err(without.to_owned());
    }
    let quantity = pieces(number)?;
    price.times(quantity).map_err(|error| format!("the amount of the line: {error}"))?;
    Ok(quantity)
}

fn off_the_shelf(number: u64, product: &StockCode) -> Result<u32, String> {
    if product.is_service() {
        return Err("nothing of it is in stock".to_owned());
    }
    pieces(number).map(Quantity::get)
}

/// Reads `12/1/10 8:26` or `12/1/2010 8:26`: month, day and year, which is one of this century if
/// it has two digits, then hour and minute.
fn time(text: &str) -> Result<LocalTime, &'static str> {
    let read = || {
        let (date, time) = text.split_once(' ')?;
        let (month, rest) = date.split_once('/')?;
        let (day, year) = rest.split_once('/')?;
        let (hour, minute) = time.split_once(':')?;
        let year = match year.len() {
            2 => 2000 + digits(year, 2..=2)?,
            _ => digits(year, 4..=4)?,
        };
        let date = (year, digits(month, 1..=2)?, digits(day, 1..=2)?);
        LocalTime::try_new(date, (digits(hour, 1..=2)?, digits(minute, 2..=2)?))
    };
    read().ok_or("the date is no minute like 12/1/10 8:26 or 12/1/2010 8:26")
}

fn digits(text: &str, lengths: std::ops::RangeInclusive<usize>) -> Option<u32> {
    let numeric = text.bytes().all(|byte| byte.is_ascii_digit());
    if numeric && lengths.contains(&text.len()) { text.parse().ok() } else { None }
}

fn price(text: &str) -> Result<Money, String> {
    Money::parse(text).map_err(|error| format!("the price: {error}"))
}

/// A customer that is not given is a guest.
fn customer(text: &str) -> Result<Option<CustomerNo>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    CustomerNo::parse(text).map(Some).map_err(|error| error.to_string())
}

fn country(name: &str) -> Result<String, String> {
    if name.is_empty() {
        return Err("the country is empty".to_owned());
    }
    text(name, "the country").map(str::to_owned)
}

/// Checks a text that is stored and shown as it is: a control character in it could write over
/// what stands elsewhere on a terminal.
fn text<'a>(text: &'a str, what: &str) -> Result<&'a str, String> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(format!("{what} has more than {TEXT_BYTES_MAX} bytes"));
    }
    if text.chars().any(char::is_control) {
        return Err(format!("{what} has control characters"));
    }
    Ok(text)
}
