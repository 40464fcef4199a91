//! The few numbers that stand for many.

/// The middle one; between the two middle ones, if there are two. NaN for none.
pub(crate) fn median(values: &[f64]) -> f64 {
    let sorted = sorted(values);
    match (sorted.get(sorted.len().saturating_sub(1) / 2), sorted.get(sorted.len() / 2)) {
        (Some(low), Some(high)) => f64::midpoint(*low, *high),
        _ => f64::NAN,
    }
}

/// The least value that 99 of 100 do not exceed. NaN for none.
pub(crate) fn p99(values: &[f64]) -> f64 {
    let sorted = sorted(values);
    let rank = (sorted.len() * 99).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

/// NaN for none.
pub(crate) fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NAN, f64::min)
}

/// NaN for none.
pub(crate) fn greatest(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NAN, f64::max)
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

#[cfg(test)]
mod tests {
    use super::{greatest, least, median, p99};

    #[test]
    fn the_middle_of_odd_and_even_many() {
        assert_eq!(median(&[3.0, 1.0, 2.0]).to_string(), "2");
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]).to_string(), "2.5");
        assert_eq!(median(&[7.0]).to_string(), "7");
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn the_99th_of_a_hundred() {
        let hundred: Vec<_> = (1..=100).rev().map(f64::from).collect();
        assert_eq!(p99(&hundred).to_string(), "99");
        assert_eq!(p99(&[5.0]).to_string(), "5");
        assert!(p99(&[]).is_nan());
    }

    #[test]
    fn the_ends_of_many() {
        assert_eq!(least(&[2.0, 1.0, 3.0]).to_string(), "1");
        assert_eq!(greatest(&[2.0, 3.0, 1.0]).to_string(), "3");
        assert!(least(&[]).is_nan() && greatest(&[]).is_nan());
    }
}
