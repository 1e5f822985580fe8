//! Everything repeated: claims that hold, and claims that do not.

use super::{
    books::Books,
    diamond::diamond,
    order::{Mistake, order},
};
use sagalog_testkit::saga::{ClaimFault, ClaimsError, SagaTest, Subject};

#[test]
fn right_claims_hold() {
    let repeated = order(Mistake::None).repeat_everything(Books::all).expect("they hold");
    assert!(repeated.repeats > 0 && repeated.unreached.is_empty(), "{repeated:?}");
    let five = SagaTest::new(Books::default, |books| Subject::new(&diamond(books), &1));
    let repeated = five.repeat_everything(Books::all).expect("they hold");
    assert_eq!(repeated.repeats, 5 * 4);
}

#[test]
fn wrong_claims_are_found() {
    let table = [
        (Mistake::KeyOfAttempt, "charge", ClaimFault::SecondActionChanges),
        // A pivot that is known to be done is not compensated, so that there is nothing to compare.
        (Mistake::NeedsReceipt, "charge", ClaimFault::ActionAfterCompensation),
        (Mistake::ReleaseNeedsOutput, "reserve", ClaimFault::CompensationNeedsOutput),
        (Mistake::ReleaseAdds, "reserve", ClaimFault::SecondCompensationChanges),
        (Mistake::NoTombstone, "charge", ClaimFault::ActionAfterCompensation),
        (Mistake::PureWrites, "price", ClaimFault::ChangesTheWorld),
    ];
    for (mistake, step, fault) in table {
        let found = order(mistake).repeat_everything(Books::all);
        let error = found.expect_err("a claim does not hold");
        let ClaimsError::Wrong(claims) = &error else { panic!("{mistake:?}: {error}") };
        let blamed = claims.iter().any(|claim| claim.step == step && claim.fault == fault);
        assert!(blamed, "{mistake:?}: {error}");
        assert!(claims.iter().all(|claim| claim.step == step), "only one is wrong: {error}");
    }
}

#[test]
fn the_whole_report_of_a_missing_tombstone() {
    let look = |books: &Books| books.count("bank");
    let error = order(Mistake::NoTombstone).repeat_everything(look).expect_err("it is missing");
    let report = "\
1 claims do not hold
step charge claims to be Keyed: a delivery behind its compensation has its effect all the same: a \
tombstone is missing
    expected 0
    found    1
";
    assert_eq!(error.to_string(), report);
}
