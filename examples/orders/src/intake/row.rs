//! A line of a made-up file, column by column, and how it is written.
//!
//! It is not checked: a twin has lines that break rules. The invariant it guards: what was put into
//! a column is what a reader finds there, with its commas and quotes.

/// A line as it will stand in the file.
#[derive(Clone, Default)]
pub(super) struct Row {
    pub(super) invoice: String,
    pub(super) product: String,
    pub(super) description: String,
    pub(super) quantity: String,
    pub(super) time: String,
    pub(super) price: String,
    pub(super) customer: String,
    pub(super) country: String,
}

impl Row {
    /// Adds it to a text, whatever its columns hold.
    pub(super) fn write(&self, text: &mut String) {
        let columns = [
            &self.invoice,
            &self.product,
            &self.description,
            &self.quantity,
            &self.time,
            &self.price,
            &self.customer,
            &self.country,
        ];
        let columns = columns.map(|column| quoted(column));
        text.push_str(&columns.join(","));
        text.push_str("\r\n");
    }
}

fn quoted(column: &str) -> String {
    if column.contains([',', '"']) {
        format!("\"{}\"", column.replace('"', "\"\""))
    } else {
        column.to_owned()
    }
}

/// Pounds as the real file has them: without zeros at the end.
pub(super) fn pounds(pence: u32) -> String {
    let text = format!("{}.{:02}", pence / 100, pence % 100);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
