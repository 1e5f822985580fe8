//! A made-up file with the format, the proportions and the oddities of the public data set.
//!
//! No line of the real file is in it, so it may go anywhere. The invariant it guards: the same seed
//! gives the same text, on every machine and for ever, and every rule of [`super::invoice`] meets
//! lines that keep it and lines that break it.

use super::{
    catalogue::{COLOURS, COUNTRIES, MATERIALS, THINGS},
    csv::HEADER,
    dice::Dice,
    row::{Row, pounds},
};
use std::fmt::Write as _;

/// The largest twin: with 1 kB for an invoice it stays below what a file may have.
const INVOICES_MAX: u32 = 100_000;

/// How many sold lines are remembered, for returns to be about.
const SOLD_MAX: usize = 400;

/// How many different products there are.
const PRODUCTS: u32 = 630;

/// One invoice of so many has a line that breaks a rule.
const BREAK_EVERY: u32 = 12;

/// The text of a made-up file of so many invoices, 100,000 at most: the same seed, the same text.
///
/// ```
/// let text = orders::intake::twin(7, 50);
/// let intake = orders::intake::parse("twin.csv", text.as_bytes())?;
/// assert_eq!(u64::try_from(text.lines().count()), Ok(intake.lines + 1));
/// # Ok::<(), orders::intake::IntakeError>(())
/// ```
pub fn twin(seed: u64, invoices: u32) -> String {
    let mut twin = Twin::new(seed);
    for invoice in 0..invoices.min(INVOICES_MAX) {
        twin.open();
        match twin.dice.below(200) {
            0..=23 => twin.give_back(),
            24..=33 => twin.write_off(),
            34..=37 => twin.mixed(),
            38..=40 => twin.worthless(),
            41..=43 => twin.fees(),
            _ => twin.sell(),
        }
        if invoice % BREAK_EVERY == BREAK_EVERY - 1 {
            twin.break_a_rule();
        }
        twin.catch_up();
    }
    twin.text
}

/// A product by its number: code, description, price in pence.
fn product(number: u32) -> (String, String, u32) {
    let word = |words: &[&'static str], by: u32| {
        let count = u32::try_from(words.len()).expect("the lists are short");
        words[usize::try_from(number / by % count).expect("it is below the length of a list")]
    };
    let (colour, material, thing) = (word(&COLOURS, 1), word(&MATERIALS, 9), word(&THINGS, 63));
    let suffix = match number % 10 {
        3 => "A",
        8 => "B",
        _ => "",
    };
    let description = match number % 40 {
        0 => format!("{thing}, {material}, {colour}"),
        1 => format!("{thing} 9\" {colour} "),
        _ => format!("{colour} {material} {thing}"),
    };
    let price = 29 + (number * 37 + number / 7 * 11) % 1_200;
    (format!("{}{suffix}", 60_000 + number * 13), description, price)
}

/// A line that was sold and may come back.
#[derive(Clone)]
struct Sold {
    row: Row,
    pieces: u32,
}

struct Twin {
    dice: Dice,
    text: String,
    /// What every line of this invoice has in common.
    head: Row,
    invoice: u32,
    /// Minutes of business since the first day's opening.
    minute: u32,
    sold: Vec<Sold>,
    /// A line of this invoice that is written behind the next one.
    late: Option<Row>,
    /// How many rules were broken so far: each in turn.
    broken: u32,
}

/// How long the shop is open in a day.
const MINUTES_A_DAY: u32 = 600;

impl Twin {
    fn new(seed: u64) -> Self {
        let (dice, text) = (Dice::new(seed), format!("{HEADER}\r\n"));
        let (head, invoice, minute) = (Row::default(), 810_000, 0);
        Self { dice, text, head, invoice, minute, sold: Vec::new(), late: None, broken: 0 }
    }

    /// Begins the next invoice: number, time, customer and country.
    fn open(&mut self) {
        self.invoice += self.dice.between(1, 3);
        self.minute += self.dice.below(18);
        let (day, minute) = (self.minute / MINUTES_A_DAY, self.minute % MINUTES_A_DAY);
        // Months of 28 days: all of them are on the calendar.
        let (year, month, day) = (21 + day / 336, 1 + day / 28 % 12, 1 + day % 28);
        let (hour, minute) = (8 + minute / 60, minute % 60);
        self.head.time = format!("{month}/{day}/{year} {hour}:{minute:02}");
        self.head.invoice = self.invoice.to_string();
        let customer = 12_000 + self.dice.below(600);
        let guest = self.dice.percent(10);
        self.head.customer = if guest { String::new() } else { customer.to_string() };
        // A customer is always at home in the same country.
        let abroad = usize::try_from(customer % 70).expect("it is small");
        let (country, _) = COUNTRIES.get(abroad).unwrap_or(&COUNTRIES[0]);
        (*country).clone_into(&mut self.head.country);
    }

    /// How many lines an invoice has: few as a rule, very many now and then; twelve on average.
    fn size(&mut self) -> u32 {
        if self.dice.percent(4) {
            60 + self.dice.below(90)
        } else {
            1 + self.dice.below(9) + self.dice.below(9)
        }
    }

    /// A line of this invoice about any product.
    fn row(&mut self, pieces: u32) -> Row {
        let (product, description, pence) = product(self.dice.below(PRODUCTS));
        // Guests pay more, as in the real file, where they stand for another channel.
        let pence = if self.head.customer.is_empty() { pence * 2 } else { pence };
        let (price, quantity) = (pounds(pence), pieces.to_string());
        Row { product, description, quantity, price, ..self.head.clone() }
    }

    /// A line of this invoice about a service.
    fn service(&self, product: &str, description: &str, quantity: &str, pence: u32) -> Row {
        let [product, description] = [product, description].map(str::to_owned);
        let (quantity, price) = (quantity.to_owned(), pounds(pence));
        Row { product, description, quantity, price, ..self.head.clone() }
    }

    fn put(&mut self, row: &Row) {
        row.write(&mut self.text);
    }

    fn pieces(&mut self) -> u32 {
        match self.dice.below(20) {
            0 => self.dice.between(48, 600),
            1..=8 => *self.dice.pick(&[6, 12, 24]),
            _ => self.dice.between(1, 5),
        }
    }

    /// An order.
    fn sell(&mut self) {
        for _ in 0..self.size() {
            let pieces = self.pieces();
            let mut row = self.row(pieces);
            if self.dice.percent(1) {
                row.description = String::new();
            }
            self.put(&row);
            if self.dice.percent(3) {
                self.put(&row);
            }
            if !row.customer.is_empty() {
                self.remember(Sold { row, pieces });
            }
        }
        if self.dice.percent(3) {
            let row = self.row(1);
            self.put(&Row { price: "0".to_owned(), ..row });
        }
        self.postage();
        if self.dice.percent(2) {
            self.late = Some(self.row(2));
        }
    }

    /// Postage and what else is charged with goods.
    fn postage(&mut self) {
        let pence = self.dice.between(150, 4_000);
        if self.head.customer.is_empty() && self.dice.percent(30) {
            self.put(&self.service("DOT", "DOTTED POSTAGE", "1", pence));
        } else if self.head.country != COUNTRIES[0].0 && self.dice.percent(60) {
            self.put(&self.service("POST", "POSTAGE", "2", pence));
        } else if self.dice.percent(2) {
            self.put(&self.service("M", "By hand", "1", pence));
        }
    }

    fn remember(&mut self, sold: Sold) {
        if self.sold.len() < SOLD_MAX {
            self.sold.push(sold);
        } else {
            let place = self.dice.place(SOLD_MAX);
            self.sold[place] = sold;
        }
    }

    /// A return: of what was sold, wholly, partly or once too often, or of what never was.
    fn give_back(&mut self) {
        self.head.invoice = format!("C{}", self.invoice);
        if self.dice.percent(12) {
            let pence = self.dice.between(100, 6_000);
            let (code, name) = *self.dice.pick(&[("D", "Discount"), ("M", "By hand")]);
            return self.put(&self.service(code, name, "-1", pence));
        }
        if self.sold.is_empty() || self.dice.percent(15) {
            let pieces = self.pieces();
            let row = self.row(pieces);
            return self.put(&Row { quantity: format!("-{pieces}"), ..row });
        }
        let basis = self.dice.pick(&self.sold).row.clone();
        (self.head.customer, self.head.country) = (basis.customer, basis.country);
        let whose = |sold: &&Sold| sold.row.customer == self.head.customer;
        let own: Vec<Sold> = self.sold.iter().filter(whose).take(5).cloned().collect();
        for sold in own {
            self.give_back_one(&sold);
        }
    }

    fn give_back_one(&mut self, sold: &Sold) {
        let (invoice, time) = (self.head.invoice.clone(), self.head.time.clone());
        let row = Row { invoice, time, ..sold.row.clone() };
        let back = |pieces: u32| Row { quantity: format!("-{pieces}"), ..row.clone() };
        match self.dice.below(10) {
            0..=3 => self.put(&back(sold.pieces)),
            4..=7 => {
                let part = self.dice.between(1, sold.pieces);
                self.put(&back(part));
            }
            8 => {
                self.put(&back(sold.pieces));
                self.put(&back(sold.pieces));
            }
            _ => self.put(&back(sold.pieces + 10)),
        }
    }

    /// Pieces that were lost: nobody's, without a price, and with a note if anything.
    fn write_off(&mut self) {
        self.head.customer = String::new();
        COUNTRIES[0].0.clone_into(&mut self.head.country);
        for _ in 0..self.dice.between(1, 2) {
            self.lose();
        }
    }

    fn lose(&mut self) {
        let pieces = self.dice.between(1, 300);
        let row = self.row(0);
        let description = (*self.dice.pick(&["", "", "broken", "not found", "damp?"])).to_owned();
        let price = if self.dice.percent(80) { "0".to_owned() } else { row.price.clone() };
        self.put(&Row { quantity: format!("-{pieces}"), description, price, ..row });
    }

    /// An order and a write-off under one number.
    fn mixed(&mut self) {
        let row = self.row(3);
        self.put(&row);
        self.lose();
        let row = self.row(1);
        self.put(&row);
        if self.dice.percent(50) {
            self.put(&self.service("M", "By hand", "-1", 500));
        }
    }

    /// An invoice without a price: nothing of it can be sold.
    fn worthless(&mut self) {
        self.head.customer = String::new();
        for _ in 0..self.dice.between(1, 2) {
            let pieces = self.pieces();
            let row = self.row(pieces);
            self.put(&Row { price: "0".to_owned(), description: String::new(), ..row });
        }
    }

    /// What a marketplace and a bank charge: it comes as a return, and now and then as an order.
    fn fees(&mut self) {
        self.head.customer = String::new();
        let pence = self.dice.between(1_500, 900_000);
        let names = [("AMAZONFEE", "MARKETPLACE FEE"), ("BANK CHARGES", "Bank")];
        let (code, name) = *self.dice.pick(&names);
        if self.dice.percent(70) {
            self.head.invoice = format!("C{}", self.invoice);
            self.put(&self.service(code, name, "-1", pence));
        } else {
            self.put(&self.service(code, name, "1", pence));
        }
    }

    /// Writes the line that was put aside one invoice ago, so that its invoice is in two pieces.
    fn catch_up(&mut self) {
        if self.late.as_ref().is_some_and(|row| row.invoice != self.head.invoice)
            && let Some(row) = self.late.take()
        {
            self.put(&row);
        }
    }

    /// Adds a line that breaks a rule, each rule in turn.
    // tidy: table
    fn break_a_rule(&mut self) {
        let returned = self.head.invoice.starts_with('C');
        let pieces = self.pieces();
        let mut row = self.row(pieces);
        if returned {
            row.quantity.insert(0, '-');
        }
        let set = |column: &mut String, text: &str| text.clone_into(column);
        self.broken += 1;
        match self.broken % 24 {
            0 => set(&mut row.quantity, "six"),
            1 => set(&mut row.quantity, "1.5"),
            2 => set(&mut row.quantity, "0"),
            3 => set(&mut row.quantity, if returned { "-1000001" } else { "1000001" }),
            4 => set(&mut row.price, "2,55"),
            5 => set(&mut row.price, "-3.5"),
            6 => set(&mut row.price, "0.125"),
            7 => set(&mut row.price, "99999999999"),
            8 => (row.price, row.quantity) = ("9999999999".to_owned(), row.quantity + "000"),
            9 => set(&mut row.time, "13/1/21 8:26"),
            10 => set(&mut row.time, "2021-03-01 08:26"),
            11 => set(&mut row.time, "3/1/21 24:00"),
            12 => set(&mut row.product, "85/23#"),
            13 => set(&mut row.product, ""),
            14 => set(&mut row.customer, "17 850"),
            15 => set(&mut row.customer, "99999"),
            16 => set(&mut row.country, ""),
            17 => set(&mut row.country, "Atlantis"),
            18 => set(&mut row.invoice, "53/65"),
            19 => set(&mut row.invoice, ""),
            20 => set(&mut row.description, "BELL\u{7}"),
            21 => set(&mut row.price, "0"),
            22 => return self.put_raw(&format!("{},{}", row.invoice, row.product)),
            _ => return self.put_raw(&format!("{},\"{}", row.invoice, row.product)),
        }
        self.put(&row);
    }

    fn put_raw(&mut self, line: &str) {
        write!(self.text, "{line}\r\n").expect("a string takes everything");
    }
}
