//! What the soaks share.

use ropewalk_testing::soak::{
    Complaints, Dice, Stock, contained, handing_in, is_handing_in, panic_as_planned,
};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

#[test]
fn a_stock_gives_what_is_displaced() {
    let (stock, mut dice) = (Stock::of(2), Dice::new(7));
    assert_eq!(stock.keep(1, &mut dice), None);
    assert_eq!(stock.keep(2, &mut dice), None);
    let displaced = stock.keep(3, &mut dice).unwrap();
    stock.put(displaced);
    assert!(stock.pick(&mut dice).is_some());
    assert_eq!(stock.take_where(|&thing| thing == 3), [3]);
    let taken = stock.take(&mut dice).unwrap();
    assert_eq!(stock.take_all(), [3 - taken]);
    assert_eq!((stock.pick(&mut dice), stock.take(&mut dice)), (None, None));
}

#[test]
fn each_thread_of_a_round_has_dice_of_its_own() {
    let first = |number| Dice::of_thread(7, number).number();
    assert_eq!(first(0), first(0));
    assert_ne!(first(0), first(1));
}

#[test]
fn a_panic_is_contained_if_it_is_planned() {
    assert_eq!(contained(|| 7), Some(7));
    assert_eq!(contained::<()>(|| panic_as_planned()), None);
    let other = || contained(|| resume_unwind(Box::new("another")));
    catch_unwind(AssertUnwindSafe(other)).unwrap_err();
}

#[test]
fn what_is_handed_in_knows_it() {
    assert!(!is_handing_in());
    assert!(handing_in(|| handing_in(is_handing_in) && is_handing_in()));
    contained::<()>(|| handing_in(|| panic_as_planned()));
    assert!(!is_handing_in());
}

#[test]
fn the_first_complaints_are_kept() {
    let complaints = Complaints::default();
    (0..100).for_each(|number| complaints.add(format!("number {number}")));
    let first = complaints.first();
    assert_eq!((first.len(), &*first[0]), (10, "number 0"));
}
