//! Crashes everywhere: what is right survives them, what is wrong is found.

use super::{
    books::Books,
    diamond::diamond,
    order::{Mistake, all_or_nothing, order},
};
use sagalog_testkit::saga::{Broken, Finish, SagaTest, Seen, Subject};

#[test]
fn a_right_saga_survives_everything() {
    let explored = order(Mistake::None).crash_everywhere(all_or_nothing).expect("it is right");
    assert!(explored.all && explored.completed > 0 && explored.aborted > 0, "{explored}");
    let explored = order(Mistake::None).crashes(2).crash_everywhere(all_or_nothing);
    assert!(explored.is_ok_and(|explored| explored.all), "it is right however often it crashes");
}

#[test]
fn the_bounds_are_kept_and_said() {
    let few = order(Mistake::None).cases(10).crash_everywhere(all_or_nothing);
    let few = few.expect("it is right");
    assert_eq!((few.cases, few.all), (10, false));
    let one = order(Mistake::None).crashes(0).disturbances(0).crash_everywhere(all_or_nothing);
    let one = one.expect("it is right");
    assert_eq!((one.crash_states, one.aborted), (0, 0), "nothing interferes");
}

fn five(books: &Books) -> Subject {
    Subject::new(&diamond(books), &1)
}

fn all_five_or_none(seen: &Seen<'_, Books>) -> Result<(), String> {
    let standing = ["a", "b", "c", "d", "e"].map(|who| seen.world.count(who));
    match seen.finish {
        Finish::Completed if standing == [1; 5] => Ok(()),
        Finish::Aborted(_) if standing == [0; 5] => Ok(()),
        finish => Err(format!("{finish:?} with {standing:?}")),
    }
}

#[test]
#[expect(clippy::disallowed_methods, clippy::print_stdout, reason = "what it takes is the point")]
fn five_steps_survive_everything() {
    let test = SagaTest::new(Books::default, five);
    for disturbances in [0, 1] {
        let test = SagaTest::new(Books::default, five).disturbances(disturbances);
        let start = std::time::Instant::now();
        let explored = test.crash_everywhere(all_five_or_none).expect("it is right");
        println!("{disturbances} disturbances: {explored}, in {:?}", start.elapsed());
        assert!(explored.all);
    }
    let mut both = Vec::new();
    for _ in 0..2 {
        both.push(test.crash_everywhere(all_five_or_none).expect("it is right"));
    }
    assert_eq!(both[0], both[1], "the same saga gives the same cases");
}

/// Mistakes that a crash, a lost answer or a refusal brings to light, and what the report says.
#[test]
fn planted_mistakes_are_found_and_told() {
    let table: [(Mistake, &[&str]); 5] = [
        (
            Mistake::TimeoutIsFailure,
            &[
                "0 reserved, 1 paid, 0 sent",
                "charge, attempt 1, fails without an effect: timeout",
                "it is aborted, failed: charge: timeout",
                "reserve is compensated, by attempt 1",
            ],
        ),
        (
            Mistake::KeyOfAttempt,
            &[
                "1 reserved, 2 paid, 1 sent",
                "! the process crashes\n      charge, attempt 1, was under way: it is done",
                "the saga completes",
            ],
        ),
        (
            Mistake::NeedsReceipt,
            &[
                "0 reserved, 1 paid, 0 sent",
                "charge, attempt 1, was under way: it is done",
                "perhaps with an effect",
                "charge is compensated, by attempt 1",
            ],
        ),
        (Mistake::ReleaseAdds, &["1 reserved, 0 paid, 0 sent", "reserve is compensated"]),
        (Mistake::NothingReleased, &["1 reserved, 0 paid, 0 sent", "reserve is done"]),
    ];
    for (mistake, essentials) in table {
        let found = order(mistake).crash_everywhere(all_or_nothing);
        let complaint = found.expect_err("it is wrong");
        assert!(matches!(complaint.broken(), Broken::Invariant(_)), "{mistake:?}: {complaint}");
        let report = complaint.to_string();
        for essential in essentials {
            assert!(report.contains(essential), "{mistake:?} without {essential:?}:\n{report}");
        }
        assert!(complaint.journal().count() <= 8, "{mistake:?} is told at length:\n{report}");
    }
}

#[test]
fn the_whole_report_of_a_key_that_changes() {
    let found = order(Mistake::KeyOfAttempt).crash_everywhere(all_or_nothing);
    let report = "\
the invariant does not hold: Completed with 1 reserved, 2 paid, 1 sent
found in case 23 of saga order; records of its journal are numbered, `!` is what the world did:
   1. the saga order begins
      price, attempt 1, is done
   2. price is done, by attempt 1
      reserve, attempt 1, is done
   3. reserve is done, by attempt 1
    ! the process crashes
      charge, attempt 1, was under way: it is done
      charge, attempt 1, is done
   4. charge is done, by attempt 1
      ship, attempt 1, is done
   5. ship is done, by attempt 1
   6. the saga completes
";
    assert_eq!(found.expect_err("it is wrong").to_string(), report);
}
