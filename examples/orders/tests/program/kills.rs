//! The proof: killed at random moments, again and again, it loses nothing and does nothing twice.
//!
//! The judge reads the services' own books, and adds up the file by itself: it uses of the program
//! only what reads entries. The invariant it guards: every order is at an end, paid once or not at
//! all; every refund is given; no piece is lost; the sums are those of the file.

use crate::support::{self, Lcg, Program, rows_of};
use orders::{
    audit::{Books, Documents, judge},
    domain::{DocumentNo, Money, OrderState},
    ports::Service,
    services::Conditions,
    shop::Stage,
};
use sagalog::Store;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// How often the process is killed at least.
const KILLS_MIN: u32 = 50;
/// After how many kills some orders have to be done, and others not.
const MIDDLE_MIN: u32 = 10;
/// How many times the file is worked through at most until there were so many.
const ROUNDS_MAX: u32 = 8;
/// What part of all its work a life does at most before it is killed, as a divisor.
const SHORT_LIFE: u64 = 200;
/// The same for every fifth life.
const LONG_LIFE: u64 = 30;

#[test]
fn killed_at_random_moments_it_loses_nothing_and_does_nothing_twice() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("twin.csv");
    support::write(&file, &orders::intake::twin(20, 1_275));
    prove(&file, dir.path(), "light");
}

/// `SAGALOG_RETAIL=FILE cargo test --release -p orders -- --ignored --nocapture real_file`
#[test]
#[ignore = "it needs the real file, which is not in the repository"]
fn the_same_with_the_real_file() {
    let file = std::env::var_os("SAGALOG_RETAIL").map(PathBuf::from);
    let file = file.expect("SAGALOG_RETAIL names the file");
    let dir = tempfile::tempdir().expect("a directory");
    prove(&file, dir.path(), "light");
}

/// Kills it, wherever it is, until it has come to its end in spite of that; then anew, until it was
/// killed often enough. How far a life comes is counted in bytes that it writes, so that no speed
/// of a machine decides how often it is killed, and where.
#[expect(clippy::print_stdout, reason = "how often it was killed is worth a line")]
fn prove(file: &Path, dir: &Path, faults: &str) {
    let whole = Program::new(file, &dir.join("whole"), faults);
    let (all, opening) = (whole.bytes_written(), whole.bytes_written());
    let mut chance = Lcg::new(20);
    let (mut kills, mut in_the_middle, mut rounds) = (0, 0, 0);
    while kills < KILLS_MIN || in_the_middle < MIDDLE_MIN {
        assert!(rounds < ROUNDS_MAX, "killed {kills} times, {in_the_middle} times in the middle");
        let data = dir.join(format!("data-{rounds}"));
        rounds += 1;
        let program = Program::new(file, &data, faults);
        for life in 1..=KILLS_MIN {
            // Most die young, in the middle of an opening; some get far.
            let part = if life % 5 == 0 { LONG_LIFE } else { SHORT_LIFE };
            if program.killed_behind(chance.below(opening + all / part)).is_none() {
                break;
            }
            kills += 1;
            in_the_middle += u32::from(support::is_in_the_middle(&data));
        }
        let first = program.report();
        let second = program.report();
        assert_eq!(first, second, "a second complete run prints the same");
        support::runtime().block_on(check(file, &data));
    }
    println!("killed {kills} times in {rounds} rounds, {in_the_middle} times in the middle");
}

async fn check(file: &Path, data: &Path) {
    let store = Store::open_read_only(Stage::Shop.dir(data)).await.expect("it is closed in order");
    let documents = Documents::read(&store).await.expect("every history can be");
    let mut books = Books::default();
    for service in Service::ALL {
        let store = Store::open_read_only(Stage::Service(service).dir(data)).await;
        let store = store.expect("it is closed in order");
        match service {
            Service::Inventory => books.add_inventory(&store).await,
            Service::Payment => books.add_payment(&store).await,
            Service::Shipping => books.add_shipping(&store).await,
            Service::Notification => books.add_notification(&store).await,
        }
        .expect("entries can be read");
    }
    let complaints = judge(&documents, &books);
    assert!(complaints.is_empty(), "{complaints:#?}");
    let log = orders::shop::IntakeLog::read(&store).await.expect("readable").expect("an intake");
    let rejected = log.rejected.iter().map(|rejection| rejection.line).collect();
    let rows = rows_of(file, &rejected);
    money_is_that_of_the_file(&rows, &documents, &books);
    pieces_are_those_of_the_file(&rows, &documents, &books);
}

/// What stands in the file for each invoice, in pence, against what was paid and given back.
fn money_is_that_of_the_file(rows: &[support::Row], documents: &Documents, books: &Books) {
    let (mut sold, mut returned) = (BTreeMap::<&str, i64>::new(), 0);
    for row in rows {
        match (row.invoice.starts_with('C'), row.pieces > 0) {
            (true, _) => returned -= row.pieces * row.pence,
            (false, true) => *sold.entry(&row.invoice).or_default() += row.pieces * row.pence,
            (false, false) => {}
        }
    }
    let mut revenue = 0;
    for (number, order) in &documents.orders {
        let account = books.payments.get(number.as_str()).cloned().unwrap_or_default();
        let charged: i64 = account.charged.iter().map(|money| money.as_pence()).sum();
        let paid_back: i64 = account.paid_back.iter().map(|money| money.as_pence()).sum();
        let wanted = sold.remove(number.as_str()).unwrap_or(0);
        if order.state == OrderState::Completed {
            assert_eq!((charged, paid_back), (wanted, 0), "order {number}");
            revenue += wanted;
        } else {
            assert_eq!(charged, paid_back, "order {number} is {:?}", order.state);
        }
    }
    assert!(sold.is_empty(), "these invoices are in the file and no orders: {sold:?}");
    assert!(revenue > 0 && returned > 0, "the file has both");
    let refunds = books.payments.values().flat_map(|account| account.refunded.values());
    let given = refunds.chain(books.credits.values()).flatten();
    let given: Money = given.copied().sum();
    assert_eq!(given.as_pence(), returned, "of all returns, no more and no less is given back");
}

/// Every shelf has what it had, less what the file says was sold or lost, and what came back.
fn pieces_are_those_of_the_file(rows: &[support::Row], documents: &Documents, books: &Books) {
    let opening = i64::try_from(Conditions::fair(0).opening_stock).expect("it is small");
    let mut shelves = BTreeMap::<&str, i64>::new();
    for row in rows.iter().filter(|row| !row.invoice.starts_with('C') && !row.is_service()) {
        let number = DocumentNo::parse(&row.invoice).expect("a number");
        let order = documents.orders.get(&number);
        let completed = order.is_some_and(|order| order.state == OrderState::Completed);
        let change = match row.pieces {
            lost if lost < 0 => lost,
            sold if completed => -sold,
            _ => 0,
        };
        *shelves.entry(&row.product).or_default() += change;
    }
    for returned in documents.returns.values() {
        for matched in returned.matching.iter().flat_map(|matching| &matching.matched) {
            let product = &returned.placed.lines[matched.line].product;
            if !product.is_service() {
                *shelves.entry(product.as_str()).or_default() += i64::from(matched.pieces);
            }
        }
    }
    for (product, change) in shelves {
        let there = books.shelves.get(product).map(|shelf| shelf.on_hand);
        let there = there.map_or(opening, |there| i64::try_from(there).expect("it is small"));
        assert_eq!(there, opening + change, "product {product}");
    }
}
