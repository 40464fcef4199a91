//! Two types that are one, which is known when it is compiled, though not to the type system.

use std::any::Any;

/// `value` as a `B`, if that is what it is; costs nothing when it runs.
#[inline(always)]
pub(crate) fn same<A: 'static, B: 'static>(value: A) -> Result<B, Option<A>> {
    let mut value = Some(value);
    match (&mut value as &mut dyn Any).downcast_mut::<Option<B>>().and_then(Option::take) {
        Some(same) => Ok(same),
        None => Err(value),
    }
}
