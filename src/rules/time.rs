//! Times and durations: the server's ISO 8601 texts to milliseconds and back, nanoseconds to milliseconds and back.
//! Integer arithmetic only, so that nothing is rounded by a float.

/// Reason why a text is no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimeError {
    /// Not of the form `YYYY-MM-DDThh:mm:ss?.fraction??zone?`.
    Syntax,
    /// A field out of its range, or a year outside of 1 to 9999.
    Range,
}

/// Reason why a text is no duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DurationError {
    /// Not a decimal number.
    Syntax,
    /// More than 63 bits of nanoseconds.
    Range,
    /// Negative durations are markers such as -1 ("none"): they have no fraction.
    NegativeFraction,
}

const DAY_MS: i64 = 86_400_000;
const NANOS_PER_MILLI: i128 = 1_000_000;
/// First millisecond of the year 1 in UTC.
const FIRST: i64 = days_from_civil(1, 1, 1) * DAY_MS;
/// Last millisecond of the year 9999 in UTC.
const LAST: i64 = days_from_civil(10_000, 1, 1) * DAY_MS - 1;

/// Days from 1970-01-01 to the date in the proleptic Gregorian calendar; month 1 to 12.
const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    // Years counted from March put the leap day last, which makes the month lengths a linear formula.
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let year_of_era = y.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Year, month and day of a day number counted from 1970-01-01.
const fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let mp = (5 * day_of_year + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = year_of_era + era * 400 + (month <= 2) as i64;
    (year, month, day_of_year - (153 * mp + 2) / 5 + 1)
}

const fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Takes a number of exactly `width` digits from the front of `text`.
fn digits(text: &mut &[u8], width: usize) -> Result<i64, TimeError> {
    let Some((head, tail)) = text.split_at_checked(width) else {
        return Err(TimeError::Syntax);
    };
    if !head.iter().all(u8::is_ascii_digit) {
        return Err(TimeError::Syntax);
    }
    *text = tail;
    Ok(head.iter().fold(0, |n, d| n * 10 + i64::from(d - b'0')))
}

fn literal(text: &mut &[u8], allowed: &[u8]) -> Result<(), TimeError> {
    match text.split_first() {
        Some((first, tail)) if allowed.contains(first) => {
            *text = tail;
            Ok(())
        }
        _ => Err(TimeError::Syntax),
    }
}

/// Milliseconds since the epoch of an ISO 8601 time (RFC 3339 form): fraction of any length (cut to milliseconds), zone
/// `Z`, `+hh:mm`, `+hhmm` or `+hh`; without one the time is UTC.
pub(crate) fn isotime_to_msec(text: &str) -> Result<i64, TimeError> {
    let mut rest = text.trim().as_bytes();
    let year = digits(&mut rest, 4)?;
    literal(&mut rest, b"-")?;
    let month = digits(&mut rest, 2)?;
    literal(&mut rest, b"-")?;
    let day = digits(&mut rest, 2)?;
    literal(&mut rest, b"Tt ")?;
    let hour = digits(&mut rest, 2)?;
    literal(&mut rest, b":")?;
    let minute = digits(&mut rest, 2)?;
    literal(&mut rest, b":")?;
    let second = digits(&mut rest, 2)?;
    let millis = fraction(&mut rest)?;
    let offset = zone(rest)?;
    let date_ok = year >= 1 && (1..=12).contains(&month) && (1..=days_in_month(year, month)).contains(&day);
    if !date_ok || hour > 23 || minute > 59 || second > 59 {
        return Err(TimeError::Range);
    }
    let seconds = hour * 3_600 + minute * 60 + second - offset;
    let ms = days_from_civil(year, month, day) * DAY_MS + seconds * 1_000 + millis;
    // Servers write such a time in UTC, and what they write of another year is no time any more.
    if (FIRST..=LAST).contains(&ms) { Ok(ms) } else { Err(TimeError::Range) }
}

/// The RFC 3339 form, as servers take it, of a time that [`isotime_to_msec`] takes: the digits of its fraction kept, `Z` where it
/// says no zone.
pub(crate) fn rfc3339(text: &str) -> Result<String, TimeError> {
    isotime_to_msec(text)?;
    let text = text.trim();
    let (date, rest) = (&text[..10], &text[11..]);
    let at = rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len());
    let (clock, zone) = rest.split_at(at);
    let zone = match zone.len() {
        0 | 1 => "Z".to_owned(),
        3 => format!("{zone}:00"),
        5 => format!("{}:{}", &zone[..3], &zone[3..]),
        _ => zone.to_owned(),
    };
    Ok(format!("{date}T{clock}{zone}"))
}

fn fraction(rest: &mut &[u8]) -> Result<i64, TimeError> {
    if rest.first() != Some(&b'.') {
        return Ok(0);
    }
    let len = rest[1..].iter().take_while(|b| b.is_ascii_digit()).count();
    if len == 0 {
        return Err(TimeError::Syntax);
    }
    let millis = (0..3).fold(0, |n, i| n * 10 + if i < len { i64::from(rest[1 + i] - b'0') } else { 0 });
    *rest = &rest[1 + len..];
    Ok(millis)
}

/// Seconds east of UTC.
fn zone(mut rest: &[u8]) -> Result<i64, TimeError> {
    let sign = match rest {
        [] | [b'Z' | b'z'] => return Ok(0),
        [b'+', ..] => 1,
        [b'-', ..] => -1,
        _ => return Err(TimeError::Syntax),
    };
    rest = &rest[1..];
    let hours = digits(&mut rest, 2)?;
    if rest.first() == Some(&b':') {
        rest = &rest[1..];
        if rest.is_empty() {
            return Err(TimeError::Syntax);
        }
    }
    let minutes = if rest.is_empty() { 0 } else { digits(&mut rest, 2)? };
    if !rest.is_empty() {
        return Err(TimeError::Syntax);
    }
    if hours > 23 || minutes > 59 {
        return Err(TimeError::Range);
    }
    Ok(sign * (hours * 3_600 + minutes * 60))
}

/// The text `YYYY-MM-DDThh:mm:ss.mmm`, without designator, of `ms` milliseconds since the epoch in a zone `offset`
/// seconds east of UTC. [`TimeError::Range`] outside of the years 1 to 9999.
pub(crate) fn msec_to_isotime(ms: i64, offset: i32) -> Result<String, TimeError> {
    let local = ms.checked_add(i64::from(offset) * 1_000).ok_or(TimeError::Range)?;
    let (days, rest) = (local.div_euclid(DAY_MS), local.rem_euclid(DAY_MS));
    let (year, month, day) = civil_from_days(days);
    if !(1..=9_999).contains(&year) {
        return Err(TimeError::Range);
    }
    let (hour, minute, second, milli) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1_000 % 60, rest % 1_000);
    Ok(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}"))
}

/// Nanoseconds, as decimal text, of a duration in milliseconds: a decimal number, with a fraction or an exponent (as Tcl
/// prints floats) if wanted. 0 and negative values are markers for the server and pass unchanged.
pub(crate) fn millis_to_nanos(text: &str) -> Result<i64, DurationError> {
    let (negative, mantissa, exponent) = decimal(text.trim()).ok_or(DurationError::Syntax)?;
    if mantissa == 0 {
        return Ok(0);
    }
    let (value, exact) = scale(mantissa, if negative { exponent } else { exponent + 6 }).ok_or(DurationError::Range)?;
    if negative {
        return match (exact, i64::try_from(value)) {
            (false, _) => Err(DurationError::NegativeFraction),
            (true, Ok(value)) => Ok(-value),
            (true, Err(_)) => Err(DurationError::Range),
        };
    }
    // 0 means "no limit" to the server: a tiny duration must not turn into it.
    i64::try_from(value.max(1)).map_err(|_| DurationError::Range)
}

/// Sign, digits and power of ten of a decimal number.
fn decimal(text: &str) -> Option<(bool, u128, i32)> {
    let (negative, text) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (number, mut exponent) = match text.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, exponent.parse::<i32>().ok().filter(|e| e.abs() < 10_000)?),
        None => (text, 0),
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && part.is_empty() || !whole.bytes().chain(part.bytes()).all(|b| b.is_ascii_digit()) {
        return None;
    }
    let mut mantissa: u128 = 0;
    for (i, digit) in whole.bytes().chain(part.bytes()).enumerate() {
        let in_part = i >= whole.len();
        match mantissa.checked_mul(10).and_then(|m| m.checked_add(u128::from(digit - b'0'))) {
            Some(next) => {
                mantissa = next;
                exponent -= i32::from(in_part);
            }
            // Digits beyond 38 are far below a nanosecond in a fraction; in a whole number they are too large anyway.
            None => exponent += i32::from(!in_part),
        }
    }
    Some((negative, mantissa, exponent))
}

/// `mantissa` times ten to the `exponent`, rounded to the nearest whole number, and whether it was exact.
fn scale(mantissa: u128, exponent: i32) -> Option<(u128, bool)> {
    let power = 10u128.checked_pow(exponent.unsigned_abs());
    if exponent >= 0 {
        return Some((mantissa.checked_mul(power?)?, true));
    }
    let Some(power) = power else {
        return Some((0, false));
    };
    let (whole, rest) = (mantissa / power, mantissa % power);
    Some((whole + u128::from(rest >= power - rest), rest == 0))
}

/// Milliseconds, as decimal text, of a whole number of nanoseconds in decimal text, cut: scripts expect whole numbers. 0 and
/// negative values pass unchanged. `None` if `text` is not a whole number.
pub(crate) fn nanos_to_millis(text: &str) -> Option<String> {
    let nanos: i128 = text.parse().ok()?;
    let millis = if nanos > 0 { nanos / NANOS_PER_MILLI } else { nanos };
    Some(millis.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iso_to_msec() {
        for (text, ms) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2022-11-22T13:31:35.451Z", 1_669_123_895_451),
            ("2022-11-22T13:31:35.451987654Z", 1_669_123_895_451),
            ("2022-11-22T13:31:35.4Z", 1_669_123_895_400),
            ("2022-11-22T13:31:35", 1_669_123_895_000),
            ("2022-11-22 13:31:35", 1_669_123_895_000),
            ("2022-11-22T15:31:35.451+02:00", 1_669_123_895_451),
            ("2022-11-22T11:01:35.451-0230", 1_669_123_895_451),
            ("2022-11-22T15:31:35+02", 1_669_123_895_000),
            ("0001-01-01T00:00:00Z", -62_135_596_800_000),
            ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
            ("1969-12-31T23:59:59.999Z", -1),
            ("2024-02-29T00:00:00Z", 1_709_164_800_000),
        ] {
            assert_eq!(isotime_to_msec(text), Ok(ms), "{text}");
        }
    }

    #[test]
    fn iso_errors() {
        for text in [
            "",
            "now",
            "2022-11-22",
            "2022-11-22T13:31",
            "2022-11-22T13:31:35.",
            "2022-11-22T13:31:35.Z",
            "2022-11-22T13:31:35X",
            "2022-11-22T13:31:35+2",
            "2022-11-22T13:31:35+02:",
            "2022-11-22T13:31:35+02:000",
            "22-11-22T13:31:35Z",
            "2022-11-22T13:31:35ZZ",
            "é022-11-22T13:31:35Z",
        ] {
            assert_eq!(isotime_to_msec(text), Err(TimeError::Syntax), "{text}");
        }
        for text in [
            "0000-01-01T00:00:00Z",
            "2022-13-01T00:00:00Z",
            "2022-00-01T00:00:00Z",
            "2023-02-29T00:00:00Z",
            "2022-01-00T00:00:00Z",
            "2022-01-01T24:00:00Z",
            "2022-01-01T00:60:00Z",
            "2022-01-01T00:00:60Z",
            "2022-01-01T00:00:00+24:00",
            "0001-01-01T00:00:00+00:01",
            "9999-12-31T23:59:00-00:01",
        ] {
            assert_eq!(isotime_to_msec(text), Err(TimeError::Range), "{text}");
        }
    }

    #[test]
    fn iso_for_the_server() {
        for (text, wire) in [
            ("2022-11-22T13:31:35.451", "2022-11-22T13:31:35.451Z"),
            ("2022-11-22T13:31:35.451987654Z", "2022-11-22T13:31:35.451987654Z"),
            (" 2022-11-22 13:31:35z ", "2022-11-22T13:31:35Z"),
            ("2022-11-22t15:31:35.4+02:00", "2022-11-22T15:31:35.4+02:00"),
            ("2022-11-22T11:01:35-0230", "2022-11-22T11:01:35-02:30"),
            ("2022-11-22T15:31:35+02", "2022-11-22T15:31:35+02:00"),
        ] {
            assert_eq!(rfc3339(text).as_deref(), Ok(wire), "{text}");
        }
        assert_eq!(rfc3339("yesterday"), Err(TimeError::Syntax));
        assert_eq!(rfc3339("2023-02-29T00:00:00Z"), Err(TimeError::Range));
    }

    #[test]
    fn msec_to_iso() {
        assert_eq!(msec_to_isotime(1_669_123_895_451, 0).unwrap(), "2022-11-22T13:31:35.451");
        assert_eq!(msec_to_isotime(1_669_123_895_451, 7_200).unwrap(), "2022-11-22T15:31:35.451");
        assert_eq!(msec_to_isotime(-1, 0).unwrap(), "1969-12-31T23:59:59.999");
        assert_eq!(msec_to_isotime(-62_135_596_800_000, 0).unwrap(), "0001-01-01T00:00:00.000");
        for ms in [-62_135_596_800_001, 253_402_300_800_000, i64::MAX, i64::MIN] {
            assert_eq!(msec_to_isotime(ms, 0), Err(TimeError::Range));
        }
        for day in -719_162..2_932_896 {
            if day % 97 == 0 {
                let ms = day * DAY_MS + 12_345;
                assert_eq!(isotime_to_msec(&msec_to_isotime(ms, 0).unwrap()), Ok(ms));
            }
        }
    }

    #[test]
    fn durations_out() {
        for (text, ns) in [
            ("1", 1_000_000),
            ("0", 0),
            ("-1", -1),
            ("1.5", 1_500_000),
            ("0.000001", 1),
            ("0.0000001", 1),
            (".5", 500_000),
            ("1e3", 1_000_000_000),
            ("1.5e-3", 1_500),
            ("0.30000000000000004", 300_000),
            ("0.0", 0),
            ("-0.0", 0),
            ("-5", -5),
            ("120000", 120_000_000_000),
            ("9223372036854.775807", i64::MAX),
            ("-1.0", -1),
            ("+2", 2_000_000),
            ("0.1000000000000000055511151231257827021181583404541015625", 100_000),
        ] {
            assert_eq!(millis_to_nanos(text), Ok(ns), "{text}");
        }
        for text in ["", "abc", "1.2.3", "-", ".", "1e", "1,5", "0x10", "1 2", "é"] {
            assert_eq!(millis_to_nanos(text), Err(DurationError::Syntax), "{text}");
        }
        for text in ["9223372036854.775808", "1e30", "99999999999999999999999999999999999999999999", "-1e30", "1e9999"] {
            assert_eq!(millis_to_nanos(text), Err(DurationError::Range), "{text}");
        }
        assert_eq!(millis_to_nanos("-1.5"), Err(DurationError::NegativeFraction));
    }

    #[test]
    fn durations_in() {
        for (ns, ms) in [
            ("1500000", "1"),
            ("1000000", "1"),
            ("1", "0"),
            ("999999", "0"),
            ("0", "0"),
            ("-1", "-1"),
            ("9223372036854775807", "9223372036854"),
            ("120000000000", "120000"),
        ] {
            assert_eq!(nanos_to_millis(ns).as_deref(), Some(ms));
        }
        assert_eq!(nanos_to_millis("1.5e9"), None);
    }
}
