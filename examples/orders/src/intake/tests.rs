//! What becomes of lines, files, seeds: each rule once, and the sums over made-up files.
//!
//! The public data set is not read here, since it is not part of this repository.

use super::{Document, Intake, IntakeError, csv::HEADER, day, parse, read, twin};
use crate::domain::{Discount, PaymentMethod};
use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error as _,
    io::{self, Read, Write as _},
};
use xxhash_rust::xxh3::xxh3_64;

fn intake(lines: &[&str]) -> Intake {
    let text = format!("{HEADER}\r\n{}\r\n", lines.join("\r\n"));
    parse("file.csv", text.as_bytes()).expect("the header is right and memory can be read")
}

fn reasons(intake: &Intake) -> Vec<(u64, &str)> {
    intake.rejected.iter().map(|rejected| (rejected.line, rejected.reason.as_str())).collect()
}

/// Kind, number, time and lines: `order 1 at 2010-12-01 08:26: 2 A x6, 3 B x1`.
fn shown(document: &Document) -> String {
    let lines = |lines: &[crate::domain::Line]| {
        let show = |line: &crate::domain::Line| {
            format!("{} {} x{} {}", line.at, line.product, line.quantity, line.price)
        };
        lines.iter().map(show).collect::<Vec<_>>().join(", ")
    };
    match document {
        Document::Order(number, placed) => {
            let customer =
                placed.customer.number.as_ref().map_or("guest", |number| number.as_str());
            let (country, time) = (&placed.country, &placed.ordered_at);
            format!("order {number} {customer} {country} {time}: {}", lines(&placed.lines))
        }
        Document::Return(number, placed) => {
            let customer = placed.customer.as_ref().map_or("guest", |number| number.as_str());
            let (country, time) = (&placed.country, &placed.returned_at);
            format!("return {number} {customer} {country} {time}: {}", lines(&placed.lines))
        }
        Document::WriteOff(number, placed) => {
            let lines: Vec<_> =
                placed.lines.iter().map(|(code, pieces)| format!("{code} x{pieces}")).collect();
            format!("write-off {number} {}: {}", placed.written_at, lines.join(", "))
        }
    }
}

fn documents(intake: &Intake) -> Vec<String> {
    intake.documents.iter().map(shown).collect()
}

#[test]
fn each_rule_has_its_reason() {
    let columns = "it does not have 8 columns";
    let date = "the date is no minute like 12/1/10 8:26 or 12/1/2010 8:26";
    let invoice = "an invoice number has 1 to 24 ASCII letters and digits";
    let code =
        "a stock code has 1 to 24 ASCII letters, digits, spaces, dots, dashes and underscores";
    let price = "the price: it is no amount with at most two digits behind the point";
    let pieces = "a line has 1 to 1,000,000 pieces";
    let cases = [
        ("", columns),
        ("1,A,a,1,12/1/10 8:26,1,7", columns),
        ("1,A,a,1,12/1/10 8:26,1,7,UK,", columns),
        ("1,A,\"a,1,12/1/10 8:26,1,7,UK", "a quote in it is not closed"),
        ("1,A,a,1,12/1/10 8:26,1,7,\"UK\"\r,b", columns),
        ("\"\"", columns),
        ("5/3,A,a,1,12/1/10 8:26,1,7,UK", invoice),
        (",A,a,1,12/1/10 8:26,1,7,UK", invoice),
        ("1,A#,a,1,12/1/10 8:26,1,7,UK", code),
        ("1,,a,1,12/1/10 8:26,1,7,UK", code),
        ("1,A,\u{1b}[2J,1,12/1/10 8:26,1,7,UK", "the description has control characters"),
        ("1,A,a,,12/1/10 8:26,1,7,UK", "the quantity is no whole number"),
        ("1,A,a,+1,12/1/10 8:26,1,7,UK", "the quantity is no whole number"),
        ("1,A,a,1.0,12/1/10 8:26,1,7,UK", "the quantity is no whole number"),
        ("1,A,a,1000001,12/1/10 8:26,1,7,UK", pieces),
        ("1,A,a,-1000001,12/1/10 8:26,1,7,UK", pieces),
        ("1,A,a,99999999999999999999,12/1/10 8:26,1,7,UK", pieces),
        ("1,A,a,1,,1,7,UK", date),
        ("1,A,a,1,13/1/10 8:26,1,7,UK", date),
        ("1,A,a,1,2/29/10 8:26,1,7,UK", date),
        ("1,A,a,1,12/1/010 8:26,1,7,UK", date),
        ("1,A,a,1,12/1/1869 8:26,1,7,UK", date),
        ("1,A,a,1,12/1/10 8:6,1,7,UK", date),
        ("1,A,a,1,12/1/10 24:00,1,7,UK", date),
        ("1,A,a,1,12/1/10 8:26,,7,UK", price),
        ("1,A,a,1,12/1/10 8:26,1.005,7,UK", price),
        ("1,A,a,1,12/1/10 8:26,99999999999,7,UK", "the price: it is more than ten billion pounds"),
        ("1,A,a,1,12/1/10 8:26,1,7 8,UK", "a customer number has 1 to 24 ASCII letters and digits"),
        ("1,A,a,1,12/1/10 8:26,1,7,", "the country is empty"),
        ("1,A,a,1,12/1/10 8:26,1,7, ", "the country is empty"),
        ("1,A,a,0,12/1/10 8:26,1,7,UK", "the quantity is zero"),
        ("1,A,a,-0,12/1/10 8:26,1,7,UK", "the quantity is zero"),
        ("1,A,a,1,12/1/10 8:26,0,7,UK", "a sold line has no price"),
        ("1,A,a,1,12/1/10 8:26,-1,7,UK", "the price is negative"),
        (
            "1,A,a,1000000,12/1/10 8:26,10000.01,7,UK",
            "the amount of the line: it is more than ten billion pounds",
        ),
        ("1,POST,a,-1,12/1/10 8:26,0,7,UK", "nothing of it is in stock"),
        ("1,BANK CHARGES,a,-1,12/1/10 8:26,1,7,UK", "nothing of it is in stock"),
        ("C1,A,a,1,12/1/10 8:26,1,7,UK", "a return has negative quantities"),
        ("C1,A,a,0,12/1/10 8:26,1,7,UK", "a return has negative quantities"),
        ("C1,A,a,-1,12/1/10 8:26,0,7,UK", "a returned line has no price"),
        ("C1,A,a,-1,12/1/10 8:26,-1,7,UK", "the price is negative"),
        ("C1,A,a,-1000001,12/1/10 8:26,1,7,UK", pieces),
    ];
    for (line, reason) in cases {
        let intake = intake(&[line]);
        assert_eq!((intake.lines, reasons(&intake)), (1, vec![(2, reason)]), "{line:?}");
    }
}

#[test]
fn a_year_has_two_digits_or_four() {
    let [short, long] =
        ["10", "2010"].map(|year| intake(&[&format!("1,A,a,1,12/1/{year} 8:26,1,7,UK")]));
    assert_eq!(reasons(&long), []);
    assert_eq!(documents(&long), documents(&short));
}

#[test]
fn a_line_has_to_agree_with_the_first_one_that_was_taken() {
    let intake = intake(&[
        "1,A,a,1,12/1/10 8:26,0,6,France",
        "1,A,a,1,12/1/10 8:26,1,7,UK",
        "1,A,a,1,12/1/10 8:26,1,8,UK",
        "1,A,a,1,12/1/10 8:26,1,,UK",
        "1,A,a,-1,12/1/10 8:26,1,7,France",
        "1,B,b,2,12/1/10 8:27,1,7,UK",
    ]);
    let customer = "the customer is not that of the invoice's first line";
    let country = "the country is not that of the invoice's first line";
    let expected = [(2, "a sold line has no price"), (4, customer), (5, customer), (6, country)];
    assert_eq!(reasons(&intake), expected);
    assert_eq!(documents(&intake), ["order 1 7 UK 2010-12-01 08:26: 3 A x1 £1.00, 7 B x2 £1.00"]);
}

#[test]
fn lines_become_documents_in_the_order_of_their_first_lines() {
    let cases: [(&[&str], &[&str]); 8] = [
        (
            // Not contiguous, and the time is that of the first line.
            &[
                "2,A,a,1,12/1/10 9:00,2.5,,UK",
                "1,B,b,1,12/1/10 8:26,27.5,7,Eire",
                "2,A,a,1,12/1/10 9:01,.85,,UK",
            ],
            &[
                "order 2 guest UK 2010-12-01 09:00: 2 A x1 £2.50, 4 A x1 £0.85",
                "order 1 7 Eire 2010-12-01 08:26: 3 B x1 £27.50",
            ],
        ),
        (
            // A return of services and goods.
            &["C9,D,Discount,-1,1/2/11 10:00,5,7,UK", "C9,A,a,-3,1/2/11 10:00,1,7,UK"],
            &["return C9 7 UK 2011-01-02 10:00: 2 D x1 £5.00, 3 A x3 £1.00"],
        ),
        (
            // A write-off alone, whatever its prices.
            &["3,A,lost,-10,12/1/10 8:26,0,,UK", "3,Q,,-1,12/1/10 8:26,-4,,UK"],
            &["write-off 3 2010-12-01 08:26: A x10, Q x1"],
        ),
        (
            // Mixed: each part has its own place and time.
            &["3,A,,-10,12/1/10 8:26,0,,UK", "3,B,b,1,12/1/10 8:30,4,,UK"],
            &[
                "write-off 3 2010-12-01 08:26: A x10",
                "order 3 guest UK 2010-12-01 08:30: 3 B x1 £4.00",
            ],
        ),
        (
            // Nothing of it can be sold, but somebody wanted it.
            &["4,A,a,x,12/1/10 8:26x,1,7,UK", "4,A,a,0,12/1/10 8:27,1,7 8,UK"],
            &["order 4 guest UK 2010-12-01 08:27: "],
        ),
        (
            // Nobody knows when or where to.
            &["4,A,a,1,yesterday,1,7,UK", "4,A,a,1,12/1/10 8:27,1,7,"],
            &[],
        ),
        (
            // A write-off that is rejected is no order, and a return without lines is none.
            &["4,POST,,-1,12/1/10 8:27,1,7,UK", "C5,A,a,-1,12/1/10 8:27,0,7,UK"],
            &[],
        ),
        (
            // Quotes and blanks around columns.
            &["6,\"A\",\"a \"\"b\"\", c\", 2 ,12/1/10 8:27,1,7,\"Korea, South\""],
            &["order 6 7 Korea, South 2010-12-01 08:27: 2 A x2 £1.00"],
        ),
    ];
    for (lines, expected) in cases {
        assert_eq!(documents(&intake(lines)), expected, "{lines:?}");
    }
}

#[test]
fn a_product_is_called_what_an_earlier_line_calls_it() {
    let intake = intake(&[
        "1,A,,1,12/1/10 8:26,1,7,UK",
        "1,A, \"TIN, 7\"\" \",1,12/1/10 8:26,0,7,UK",
        "1,A,\"TIN, 7\"\" \",1,12/1/10 8:26,1,7,UK",
        "2,A,,1,12/1/10 8:27,1,8,UK",
        "2,A,TIN 8,1,12/1/10 8:27,1,8,UK",
        "3,Q,lost,-1,12/1/10 8:27,1,8,UK",
        "4,Q,,1,12/1/10 8:27,1,8,UK",
    ]);
    let mut called = Vec::new();
    for document in &intake.documents {
        if let Document::Order(_, placed) = document {
            assert_eq!((placed.payment, &placed.discount), (PaymentMethod::Invoice, &None));
            called.extend(placed.lines.iter().map(|line| (line.at, line.description.as_str())));
        }
    }
    assert_eq!(called, [(2, ""), (4, "TIN, 7\""), (5, "TIN, 7\""), (6, "TIN 8"), (8, "")]);
}

#[test]
fn everything_is_bounded() {
    let long = format!("1,A,{},1,12/1/10 8:26,1,7,UK", "a".repeat(64 << 10));
    let wordy = format!("1,A,{},1,12/1/10 8:26,1,7,UK", "a".repeat(257));
    let good = "1,A,a,1,12/1/10 8:26,1,7,UK";
    let mut lines = vec![long.as_str(), wordy.as_str()];
    lines.resize(2 + 901, good);
    let result = intake(&lines);
    let expected = [
        (2, "it is longer than 64 KiB"),
        (3, "the description has more than 256 bytes"),
        (903, "an invoice has at most 900 lines"),
        (904, "an invoice has at most 900 lines"),
    ];
    assert_eq!(reasons(&result), expected);
    let fault = intake(&[good]);
    let mut bytes = format!("\u{feff}{HEADER}\n{good}\n").into_bytes();
    bytes.extend_from_slice(b"1,A,\xff,1,12/1/10 8:26,1,7,UK\n");
    bytes.extend_from_slice(good.as_bytes());
    let result = parse("file.csv", bytes.as_slice()).expect("a line with a fault is no error");
    assert_eq!((result.lines, reasons(&result)), (3, vec![(3, "it is not UTF-8")]));
    assert_eq!(result.fingerprint, xxh3_64(&bytes));
    assert_ne!(result.fingerprint, fault.fingerprint);
    let endless = HEADER.as_bytes().chain(&b"\n"[..]).chain(io::repeat(b'x'));
    let error = parse("file.csv", endless).expect_err("it has no end");
    assert!(matches!(error, IntakeError::TooLarge { .. }), "{error}");
    let empty_lines = HEADER.as_bytes().chain(io::repeat(b'\n'));
    let error = parse("file.csv", empty_lines).expect_err("it has no end either");
    assert!(matches!(error, IntakeError::TooLarge { .. }), "{error}");
}

/// A disk that fails after the header.
struct Failing<'a>(&'a [u8]);

impl Read for Failing<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.0.is_empty() { Err(io::Error::other("a bad sector")) } else { self.0.read(into) }
    }
}

#[test]
fn a_file_that_is_none_is_named_with_what_to_do() {
    let header = HEADER.replace(',', ";");
    let failed = |text: &str| parse("file.csv", text.as_bytes()).expect_err("it is no such file");
    let cases = [
        (failed(""), "file.csv is empty; get it again"),
        (failed(&header), "file.csv begins with \"InvoiceNo;StockCode"),
        (failed(&format!("{HEADER},Extra\n")), "file.csv begins with \"InvoiceNo,StockCode"),
        (failed("\n"), "file.csv begins with \"\"; give a file whose first line is InvoiceNo"),
    ];
    for (error, sentence) in cases {
        assert!(error.to_string().starts_with(sentence), "{error}");
        assert!(error.source().is_none());
    }
    let failing = Failing(HEADER.as_bytes());
    let error = parse("file.csv", failing).expect_err("the disk fails");
    assert!(error.to_string().starts_with("file.csv cannot be read: a bad sector"), "{error}");
    assert!(error.source().is_some());
    let alone = parse("file.csv", HEADER.as_bytes()).expect("a file of no lines");
    assert_eq!((alone.lines, alone.documents.len()), (0, 0));
}

#[test]
fn a_packed_file_is_what_it_was_before() {
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    #[expect(clippy::disallowed_methods, reason = "a test puts its input where a user would")]
    let put = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).expect("a temporary file can be written");
        path
    };
    let text = twin(7, 100);
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(text.as_bytes()).expect("memory can be written");
    let packed = packer.finish().expect("memory can be written");
    let plain = read(&put("a.csv", text.as_bytes())).expect("a good file");
    let mut unpacked = read(&put("a.csv.gz", &packed)).expect("a good file");
    assert_eq!((plain.source.as_str(), unpacked.source.as_str()), ("a.csv", "a.csv.gz"));
    unpacked.source.clone_from(&plain.source);
    assert_eq!(plain, unpacked);
    let padded = [packed.as_slice(), &vec![0; 70_000]].concat();
    let padded = read(&put("A.CSV.GZ", &padded)).expect("zeros behind it say nothing");
    assert_eq!(padded.fingerprint, plain.fingerprint);
    let mut flipped = packed.clone();
    let checksum = flipped.len() - 6;
    flipped[checksum] ^= 1;
    for (name, bytes) in [
        ("plain.csv.gz", text.as_bytes()),
        ("torn.csv.gz", &packed[..packed.len() / 2]),
        ("flipped.csv.gz", &flipped),
    ] {
        let error = read(&put(name, bytes)).expect_err("it is no whole gzip file");
        assert!(matches!(error, IntakeError::NoGzip { .. }), "{name}: {error}");
        assert!(error.to_string().starts_with(name), "{error}");
    }
    let error = read(&dir.path().join("absent.csv")).expect_err("there is no such file");
    assert!(matches!(error, IntakeError::Unreadable { .. }) && error.source().is_some());
    assert!(error.to_string().contains("absent.csv cannot be read"), "{error}");
}

/// The numbers of all lines that are in documents, and how many lines write-offs have.
fn taken(intake: &Intake) -> (Vec<u64>, usize) {
    let (mut numbers, mut written_off) = (Vec::new(), 0);
    for document in &intake.documents {
        match document {
            Document::Order(_, placed) => numbers.extend(placed.lines.iter().map(|line| line.at)),
            Document::Return(_, placed) => numbers.extend(placed.lines.iter().map(|line| line.at)),
            Document::WriteOff(_, placed) => written_off += placed.lines.len(),
        }
    }
    (numbers, written_off)
}

#[test]
fn a_twin_reads_back_with_every_line_accounted_for() {
    for seed in 0..20 {
        let text = twin(seed, 150);
        let intake = parse("twin.csv", text.as_bytes()).expect("a twin has the right header");
        let (mut numbers, written_off) = taken(&intake);
        numbers.extend(intake.rejected.iter().map(|rejected| rejected.line));
        let lines = usize::try_from(intake.lines).expect("a twin is small");
        assert_eq!(lines, text.lines().count() - 1, "seed {seed}");
        assert_eq!(numbers.len() + written_off, lines, "seed {seed}");
        let different: BTreeSet<_> = numbers.iter().collect();
        assert_eq!(different.len(), numbers.len(), "seed {seed}: a line is in two places");
        assert!(numbers.iter().all(|number| (2..=intake.lines + 1).contains(number)));
    }
}

#[test]
fn a_twin_has_the_proportions_and_the_oddities_of_the_real_file() {
    let intake = parse("twin.csv", twin(7, 2_000).as_bytes()).expect("a twin has the header");
    let (mut orders, mut returns, mut write_offs, mut largest) = (0, 0, 0, 0);
    let (mut guests, mut unsaleable, mut twice) = (0, 0, 0);
    for document in &intake.documents {
        match document {
            Document::Order(_, placed) => {
                let products: BTreeSet<_> = placed.lines.iter().map(|line| &line.product).collect();
                orders += 1;
                largest = largest.max(placed.lines.len());
                guests += u32::from(placed.customer.number.is_none());
                unsaleable += u32::from(placed.lines.is_empty());
                twice += u32::from(products.len() < placed.lines.len());
            }
            Document::Return(..) => returns += 1,
            Document::WriteOff(..) => write_offs += 1,
        }
    }
    let shares = [
        ("lines an invoice", intake.lines, 2_000, 1_000..=1_400),
        ("returns", returns, 2_000, 10..=14),
        ("write-offs", write_offs, 2_000, 4..=10),
        ("guests", guests.into(), orders, 8..=20),
        ("unsaleable orders", unsaleable.into(), orders, 1..=4),
        ("orders with a product twice", twice.into(), orders, 10..=60),
    ];
    for (what, part, whole, percent) in shares {
        assert!(percent.contains(&(part * 100 / whole)), "{what}: {part} of {whole}");
    }
    assert!((100..=200).contains(&largest), "the largest order has {largest} lines");
    let mut by_reason = BTreeMap::new();
    for rejected in &intake.rejected {
        *by_reason.entry(rejected.reason.as_str()).or_insert(0) += 1;
    }
    // All but the limits on the length of a line, a text and an invoice, and UTF-8.
    assert_eq!(by_reason.len(), 21, "{by_reason:#?}");
}

#[test]
fn a_twins_returns_match_wholly_partly_and_not_at_all() {
    use crate::domain::{Matching, Sold};
    let intake = parse("twin.csv", twin(7, 1_000).as_bytes()).expect("a twin has the header");
    let mut sold: BTreeMap<_, Vec<Sold>> = BTreeMap::new();
    let (mut whole, mut part, mut none) = (0, 0, 0);
    for document in intake.documents {
        match document {
            Document::Order(order, placed) => {
                for (order_line, line) in placed.lines.into_iter().enumerate() {
                    let (order, left) = (order.clone(), line.quantity.get());
                    let customer = placed.customer.number.clone();
                    let found = Sold { order, order_line, line, left };
                    sold.entry(customer).or_default().push(found);
                }
            }
            Document::Return(_, placed) => {
                let earlier = sold.get(&placed.customer).cloned().unwrap_or_default();
                let matching = Matching::of(&placed.lines, earlier);
                match (matching.matched.is_empty(), matching.unmatched.is_empty()) {
                    (false, true) => whole += 1,
                    (false, false) => part += 1,
                    (true, _) => none += 1,
                }
            }
            Document::WriteOff(..) => {}
        }
    }
    assert!(whole > 20 && part > 5 && none > 20, "{whole} wholly, {part} partly, {none} not");
}

#[test]
fn seeds_are_golden() {
    let made = [
        ("twin(7, 1000)", xxh3_64(twin(7, 1_000).as_bytes())),
        ("day(7, 2000)", day(7, 2_000).fingerprint),
        ("day(8, 2000)", day(8, 2_000).fingerprint),
    ];
    let golden = [
        ("twin(7, 1000)", 15_050_404_780_708_717_196),
        ("day(7, 2000)", 1_949_155_806_475_242_519),
        ("day(8, 2000)", 14_249_968_289_235_316_488),
    ];
    assert_eq!(made, golden);
    assert_ne!(twin(7, 50), twin(8, 50));
    assert!(twin(7, 50).starts_with(&twin(7, 49)), "more invoices only add to a twin");
}

#[test]
fn a_day_is_plausible() {
    let made = day(7, 2_000);
    assert_eq!((made.source.as_str(), made.documents.len()), ("a made-up day, seed 7", 2_000));
    let (mut customers, mut payments, mut discounts) = (BTreeMap::new(), BTreeSet::new(), [0; 4]);
    let (mut at, mut time, mut objections) = (0, String::new(), BTreeMap::new());
    for document in &made.documents {
        let Document::Order(_, placed) = document else { panic!("a day has orders only") };
        for line in &placed.lines {
            at += 1;
            assert_eq!(line.at, at, "the numbers of lines run on");
        }
        assert!((1..=6).contains(&placed.lines.len()));
        let ordered_at = placed.ordered_at.to_string();
        assert!(ordered_at >= time, "{ordered_at} is before {time}");
        time = ordered_at;
        payments.insert(placed.payment.to_string());
        discounts[match placed.discount {
            None => 0,
            Some(Discount::Percentage(_)) => 1,
            Some(Discount::Fixed(_)) => 2,
            Some(Discount::BuyGet { .. }) => 3,
        }] += 1;
        if let Some(number) = &placed.customer.number {
            let who = (placed.customer.recipient.clone(), placed.country.clone());
            let known = customers.entry(number.clone()).or_insert_with(|| (who.clone(), 0));
            assert_eq!(known.0, who, "customer {number} is one person");
            known.1 += 1;
        }
        if let Some(objection) = placed.objection() {
            *objections.entry(objection).or_insert(0) += 1;
        }
    }
    assert_eq!((made.lines, payments.len()), (at, 4));
    assert!(discounts.iter().skip(1).all(|count| *count > 50), "{discounts:?}");
    assert!(customers.values().any(|(_, orders)| *orders > 3));
    let few = objections.get("there is nothing to pay").copied().unwrap_or(0);
    assert!((5..=60).contains(&few) && objections.len() == 1, "{objections:?}");
    assert_eq!(day(7, 0).documents, []);
}
