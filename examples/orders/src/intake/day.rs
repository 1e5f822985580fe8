//! A day's orders of a shop that does not exist, for whoever has no file at hand.
//!
//! Nothing is read and no clock is asked. The invariant it guards: the same seed gives the same
//! day, on every machine and for ever; the golden fingerprint of the tests notices a change.

use super::{
    Document, Intake,
    catalogue::{COUNTRIES, FIRST_NAMES, LAST_NAMES, PRODUCTS, STREETS},
    dice::Dice,
};
use crate::domain::{
    Customer, CustomerNo, Discount, DocumentNo, Line, LocalTime, Money, PaymentMethod, Placed,
    Quantity, Recipient, StockCode,
};
use xxhash_rust::xxh3::Xxh3;

/// The largest day: all of it is in memory, so a slip of the hand must not fill that.
const ORDERS_MAX: u32 = 200_000;

/// The numbers of the day's orders begin behind this one.
const NUMBERS_FROM: u32 = 700_000;

/// The shop opens at six in the morning and closes 17 hours later, in minutes.
const OPENS_AT: u32 = 6 * 60;
const OPEN_FOR: u32 = 17 * 60;

/// A made-up day of so many orders, 200,000 at most: the same seed gives the same day.
///
/// ```
/// let day = orders::intake::day(7, 100);
/// assert_eq!((day.documents.len(), day.rejected.len()), (100, 0));
/// assert_eq!(day, orders::intake::day(7, 100));
/// ```
pub fn day(seed: u64, orders: u32) -> Intake {
    let orders = orders.min(ORDERS_MAX);
    let mut dice = Dice::new(seed);
    // Two draws for each minute: more people order at noon than at dawn.
    let half = OPEN_FOR / 2;
    let mut minutes: Vec<u32> =
        (0..orders).map(|_| OPENS_AT + dice.below(half) + dice.below(half)).collect();
    minutes.sort_unstable();
    let (mut documents, mut hash, mut lines) = (Vec::new(), Xxh3::new(), 0);
    hash.update(&seed.to_le_bytes());
    for (minute, number) in minutes.into_iter().zip(NUMBERS_FROM + 1..) {
        let placed = order(&mut dice, seed, minute, orders, &mut lines);
        let (number, bytes) = numbered(number, &placed);
        hash.update(&bytes);
        documents.push(Document::Order(number, placed));
    }
    let source = format!("a made-up day, seed {seed}");
    Intake { source, fingerprint: hash.digest(), lines, documents, rejected: Vec::new() }
}

/// The order's number, and both as bytes to be hashed.
fn numbered(number: u32, placed: &Placed) -> (DocumentNo, Vec<u8>) {
    let number = DocumentNo::parse(&number.to_string()).expect("digits are a number");
    let bytes = serde_json::to_vec(&(&number, placed)).expect("an order is plain data");
    (number, bytes)
}

fn order(dice: &mut Dice, seed: u64, minute: u32, orders: u32, at: &mut u64) -> Placed {
    let (customer, country) = customer(dice, seed, orders);
    let count = dice.between(1, 6);
    let lines: Vec<Line> = (0..count).map(|_| line(dice, at)).collect();
    let payment = match dice.below(10) {
        0..=1 => PaymentMethod::Invoice,
        2..=6 => PaymentMethod::Card,
        7 => PaymentMethod::DirectDebit,
        _ => PaymentMethod::Wallet,
    };
    let discount = discount(dice, &lines);
    let time = LocalTime::try_new((2026, 3, 2), (minute / 60, minute % 60));
    let ordered_at = time.expect("the shop closes before midnight");
    Placed { customer, country, ordered_at, payment, lines, discount }
}

/// One of a third as many customers as there are orders, who is always the same person, or a guest.
fn customer(dice: &mut Dice, seed: u64, orders: u32) -> (Customer, String) {
    let number = 20_001 + dice.below(orders / 3 + 1);
    let guest = dice.percent(8);
    // Whoever comes again has the same name and address: they follow from the number.
    let mut own = Dice::new(seed ^ (u64::from(number) << 32));
    let person = if guest { dice } else { &mut own };
    let home = person.percent(70);
    let (country, towns) = if home { &COUNTRIES[0] } else { person.pick(&COUNTRIES) };
    let recipient = Recipient {
        name: format!("{} {}", person.pick(&FIRST_NAMES), person.pick(&LAST_NAMES)),
        street: format!("{} {}", person.between(1, 140), person.pick(&STREETS)),
        town: (*person.pick(towns)).to_owned(),
    };
    let number = CustomerNo::parse(&number.to_string()).expect("digits are a number");
    let number = (!guest).then_some(number);
    (Customer { number, recipient: Some(recipient) }, (*country).to_owned())
}

fn line(dice: &mut Dice, at: &mut u64) -> Line {
    *at += 1;
    let (code, name, pence) = *dice.pick(&PRODUCTS);
    let pieces = if dice.percent(10) { dice.between(6, 24) } else { dice.between(1, 4) };
    Line {
        at: *at,
        product: StockCode::parse(code).expect("the codes of the catalogue are codes"),
        description: name.to_owned(),
        quantity: Quantity::try_new(pieces).expect("it is between 1 and 24"),
        price: Money::pence(i64::from(pence)),
    }
}

/// A discount on one order of five, and on a few that leaves nothing to pay.
fn discount(dice: &mut Dice, lines: &[Line]) -> Option<Discount> {
    let whole: Money = lines.iter().map(Line::amount).sum();
    match dice.below(200) {
        0 => Some(Discount::Percentage(100)),
        1 => Some(Discount::Fixed(whole + Money::pence(500))),
        2..=15 => {
            let percent = *dice.pick(&[5, 10, 15, 20, 25]);
            Some(Discount::Percentage(percent))
        }
        16..=27 => Some(Discount::Fixed(Money::pence(i64::from(dice.between(1, 10)) * 100))),
        28..=39 => {
            let product = dice.pick(lines).product.clone();
            Some(Discount::BuyGet { product, buy: dice.between(2, 5), free: 1 })
        }
        _ => None,
    }
}
