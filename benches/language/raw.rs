//! The same through the `bson` crate's raw documents, as an application without a database would write it.

use bson::raw::{CStr, RawArrayBuf};
use bson::{RawBsonRef, RawDocument, RawDocumentBuf};

fn number(value: Option<RawBsonRef<'_>>) -> Option<f64> {
    match value? {
        RawBsonRef::Int32(number) => Some(f64::from(number)),
        RawBsonRef::Int64(number) => Some(number as f64),
        RawBsonRef::Double(number) => Some(number),
        _ => None,
    }
}

fn get<'d>(doc: &'d RawDocument, name: &str) -> Option<RawBsonRef<'d>> {
    doc.get(name).ok().flatten()
}

/// A document, which is valid.
fn read(bytes: &[u8]) -> &RawDocument {
    RawDocument::from_bytes(bytes).expect("a document")
}

pub fn flat_filter(bytes: &[u8]) -> bool {
    let doc = read(bytes);
    number(get(doc, "qty")).is_some_and(|qty| qty > 50.0)
        && get(doc, "status").and_then(|status| status.as_str()) == Some("active")
}

pub fn nested_filter(bytes: &[u8]) -> bool {
    let doc = read(bytes);
    let customer = get(doc, "customer").and_then(|customer| customer.as_document());
    let address = customer.and_then(|customer| get(customer, "address")).and_then(|address| address.as_document());
    let city = address.and_then(|address| get(address, "city")).and_then(|city| city.as_str());
    let totals = get(doc, "totals").and_then(|totals| totals.as_document());
    city == Some("amber") && number(totals.and_then(|totals| get(totals, "net"))).is_some_and(|net| net < 500.0)
}

pub fn arrays_filter(bytes: &[u8]) -> bool {
    let doc = read(bytes);
    let scores = get(doc, "scores").and_then(|scores| scores.as_array());
    let items = get(doc, "items").and_then(|items| items.as_array());
    scores.is_some_and(|scores| scores.into_iter().any(|score| number(score.ok()).is_some_and(|score| score >= 99.0)))
        && items.is_some_and(|items| {
            items.into_iter().any(|item| {
                let item = item.ok().and_then(|item| item.as_document());
                item.and_then(|item| get(item, "sku")).and_then(|sku| sku.as_str()) == Some("sku-7")
            })
        })
}

pub fn flat_expression(bytes: &[u8]) -> f64 {
    let doc = read(bytes);
    number(get(doc, "qty")).zip(number(get(doc, "price"))).map_or(0.0, |(qty, price)| qty * price)
}

pub fn nested_expression(bytes: &[u8]) -> f64 {
    let totals = get(read(bytes), "totals").and_then(|totals| totals.as_document());
    totals
        .and_then(|totals| number(get(totals, "net")).zip(number(get(totals, "tax"))))
        .map_or(0.0, |(net, tax)| net + tax)
}

pub fn arrays_expression(bytes: &[u8]) -> f64 {
    let items = get(read(bytes), "items").and_then(|items| items.as_array());
    let products = items.into_iter().flatten().filter_map(|item| {
        let item = item.ok()?.as_document()?;
        Some(number(get(item, "quantity"))? * number(get(item, "price"))?)
    });
    products.fold(0.0, |sum, product| sum + product)
}

/// Copies a document, elements of these names as `change` makes them.
fn rebuilt(doc: &RawDocument, change: impl Fn(&CStr, RawBsonRef<'_>, &mut RawDocumentBuf)) -> RawDocumentBuf {
    let mut new = RawDocumentBuf::new();
    for (name, value) in doc.into_iter().flatten() {
        change(name, value, &mut new);
    }
    new
}

pub fn flat_update(bytes: &[u8], out: &mut Vec<u8>) {
    let new = rebuilt(read(bytes), |name, value, new| match (name.as_str(), value) {
        ("qty", RawBsonRef::Int32(qty)) => new.append(name, qty + 1),
        ("status", _) => new.append(name, "done"),
        _ => new.append(name, value),
    });
    out.extend_from_slice(new.as_bytes());
}

pub fn nested_update(bytes: &[u8], out: &mut Vec<u8>) {
    let new = rebuilt(read(bytes), |name, value, new| match (name.as_str(), value.as_document()) {
        ("customer", Some(customer)) => {
            let customer = rebuilt(customer, |name, value, new| match (name.as_str(), value.as_document()) {
                ("address", Some(address)) => {
                    let address = rebuilt(address, |name, value, new| match name.as_str() {
                        "city" => new.append(name, "metropolis"),
                        _ => new.append(name, value),
                    });
                    new.append(name, address);
                }
                _ => new.append(name, value),
            });
            new.append(name, customer);
        }
        _ => new.append(name, value),
    });
    out.extend_from_slice(new.as_bytes());
}

pub fn arrays_update(bytes: &[u8], out: &mut Vec<u8>) {
    let new = rebuilt(read(bytes), |name, value, new| match (name.as_str(), value.as_array()) {
        ("scores", Some(scores)) => {
            let mut longer = RawArrayBuf::new();
            scores.into_iter().flatten().for_each(|score| longer.push(score));
            longer.push(77);
            new.append(name, longer);
        }
        _ => new.append(name, value),
    });
    out.extend_from_slice(new.as_bytes());
}
