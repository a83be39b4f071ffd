//! The hand-written versions: safe Rust over the bytes, one walk each, stopping as soon as the answer is known. Updates
//! write the new document behind one walk that finds the place.

use smongo_benches::by_hand::{inner, length, number, size, text, walk};

/// `{qty: {$gt: 50}, status: "active"}`
pub fn flat_filter(bytes: &[u8]) -> bool {
    let mut seen = 0;
    walk(bytes, |kind, name, at| {
        let holds = match name {
            b"qty" => number(kind, bytes, at).is_some_and(|qty| qty > 50.0),
            b"status" => kind == 2 && text(bytes, at) == b"active",
            _ => return None,
        };
        seen += 1;
        (!holds || seen == 2).then_some(holds)
    })
    .unwrap_or(false)
}

/// `{"customer.address.city": "amber", "totals.net": {$lt: 500}}`
pub fn nested_filter(bytes: &[u8]) -> bool {
    let is_amber = |customer: &[u8]| {
        walk(customer, |kind, name, at| {
            (name == b"address").then(|| {
                let address = if kind == 3 { inner(customer, at) } else { return false };
                walk(address, |kind, name, at| (name == b"city").then(|| kind == 2 && text(address, at) == b"amber"))
                    .unwrap_or(false)
            })
        })
        .unwrap_or(false)
    };
    let mut seen = 0;
    walk(bytes, |kind, name, at| {
        let holds = match name {
            b"customer" => kind == 3 && is_amber(inner(bytes, at)),
            b"totals" => {
                kind == 3 && {
                    let totals = inner(bytes, at);
                    walk(totals, |kind, name, at| {
                        (name == b"net").then(|| number(kind, totals, at).is_some_and(|net| net < 500.0))
                    })
                    .unwrap_or(false)
                }
            }
            _ => return None,
        };
        seen += 1;
        (!holds || seen == 2).then_some(holds)
    })
    .unwrap_or(false)
}

/// `{scores: {$gte: 99}, "items.sku": "sku-7"}`
pub fn arrays_filter(bytes: &[u8]) -> bool {
    let mut seen = 0;
    walk(bytes, |kind, name, at| {
        let holds = match name {
            b"scores" => {
                kind == 4 && {
                    let scores = inner(bytes, at);
                    walk(scores, |kind, _, at| {
                        number(kind, scores, at).is_some_and(|score| score >= 99.0).then_some(true)
                    })
                    .unwrap_or(false)
                }
            }
            b"items" => {
                kind == 4 && {
                    let items = inner(bytes, at);
                    walk(items, |kind, _, at| {
                        let item = if kind == 3 { inner(items, at) } else { return None };
                        walk(item, |kind, name, at| (name == b"sku").then(|| kind == 2 && text(item, at) == b"sku-7"))
                            .filter(|is_it| *is_it)
                    })
                    .unwrap_or(false)
                }
            }
            _ => return None,
        };
        seen += 1;
        (!holds || seen == 2).then_some(holds)
    })
    .unwrap_or(false)
}

/// Two numbers of a document, combined; 0 where one is missing.
fn of_two(bytes: &[u8], names: [&[u8]; 2], combine: impl Fn(f64, f64) -> f64) -> f64 {
    let mut found = [None, None];
    walk(bytes, |kind, name, at| {
        let slot = names.iter().position(|wanted| *wanted == name)?;
        found[slot] = number(kind, bytes, at);
        (found[0].is_some() && found[1].is_some()).then_some(())
    });
    match found {
        [Some(first), Some(second)] => combine(first, second),
        _ => 0.0,
    }
}

/// `{$multiply: ["$qty", "$price"]}`
pub fn flat_expression(bytes: &[u8]) -> f64 {
    of_two(bytes, [b"qty", b"price"], |qty, price| qty * price)
}

/// `{$add: ["$totals.net", "$totals.tax"]}`
pub fn nested_expression(bytes: &[u8]) -> f64 {
    walk(bytes, |kind, name, at| {
        (name == b"totals" && kind == 3).then(|| of_two(inner(bytes, at), [b"net", b"tax"], |net, tax| net + tax))
    })
    .unwrap_or(0.0)
}

/// `{$sum: {$map: {input: "$items", in: {$multiply: ["$$this.quantity", "$$this.price"]}}}}`
pub fn arrays_expression(bytes: &[u8]) -> f64 {
    walk(bytes, |kind, name, at| {
        (name == b"items" && kind == 4).then(|| {
            let items = inner(bytes, at);
            let mut sum = 0.0;
            walk(items, |kind, _, at| {
                if kind == 3 {
                    sum += of_two(inner(items, at), [b"quantity", b"price"], |quantity, price| quantity * price);
                }
                None::<()>
            });
            sum
        })
    })
    .unwrap_or(0.0)
}

/// Adds to the length that stands at `at`.
fn grow(out: &mut [u8], at: usize, by: i32) {
    let new = (length(out, at) as i32 + by) as u32;
    out[at..at + 4].copy_from_slice(&new.to_le_bytes());
}

/// `{$inc: {qty: 1}, $set: {status: "done"}}`
pub fn flat_update(bytes: &[u8], out: &mut Vec<u8>) {
    let mut copied = 0;
    walk(bytes, |kind, name, at| {
        match (name, kind) {
            (b"qty", 16) => {
                out.extend_from_slice(&bytes[copied..at]);
                out.extend_from_slice(&(length(bytes, at) as i32 + 1).to_le_bytes());
                copied = at + 4;
            }
            (b"status", 2) => {
                out.extend_from_slice(&bytes[copied..at]);
                out.extend_from_slice(b"\x05\0\0\0done\0");
                copied = at + size(kind, bytes, at);
            }
            _ => {}
        }
        None::<()>
    });
    out.extend_from_slice(&bytes[copied..]);
    let by = out.len() as i32 - bytes.len() as i32;
    grow(out, 0, by);
}

/// `{$set: {"customer.address.city": "metropolis"}}`
pub fn nested_update(bytes: &[u8], out: &mut Vec<u8>) {
    const CITY: &[u8] = b"\x0b\0\0\0metropolis\0";
    let place = walk(bytes, |kind, name, customer| {
        (name == b"customer" && kind == 3).then(|| {
            walk(inner(bytes, customer), |kind, name, address| {
                (name == b"address" && kind == 3).then(|| {
                    let address = customer + address;
                    walk(inner(bytes, address), |kind, name, city| {
                        (name == b"city" && kind == 2).then_some((customer, address, address + city))
                    })
                })
            })
        })
    });
    let Some((customer, address, city)) = place.flatten().flatten() else { return out.extend_from_slice(bytes) };
    let end = city + size(2, bytes, city);
    out.extend_from_slice(&bytes[..city]);
    out.extend_from_slice(CITY);
    out.extend_from_slice(&bytes[end..]);
    let by = CITY.len() as i32 - (end - city) as i32;
    [0, customer, address].into_iter().for_each(|at| grow(out, at, by));
}

/// `{$push: {scores: 77}}`
pub fn arrays_update(bytes: &[u8], out: &mut Vec<u8>) {
    let Some(at) = walk(bytes, |kind, name, at| (name == b"scores" && kind == 4).then_some(at)) else {
        return out.extend_from_slice(bytes);
    };
    let scores = inner(bytes, at);
    let mut count = 0;
    walk(scores, |_, _, _| {
        count += 1;
        None::<()>
    });
    let end = at + scores.len() - 1;
    out.extend_from_slice(&bytes[..end]);
    out.push(16);
    out.extend_from_slice(count.to_string().as_bytes());
    out.extend_from_slice(&[0, 77, 0, 0, 0]);
    out.extend_from_slice(&bytes[end..]);
    let by = out.len() as i32 - bytes.len() as i32;
    [0, at].into_iter().for_each(|at| grow(out, at, by));
}
