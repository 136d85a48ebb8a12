//! Reads the parameters of a list of records.

use crate::model::access::View;
use crate::model::query::Window;
use crate::records::{ListCursor, RecordList, RecordsError};

/// The parameters of a list, as the client sent them.
#[derive(Clone, Copy, Debug, Default)]
pub struct ListParams<'a> {
    /// The filter of the records: JSON, or `field:operator:value`.
    pub filter: Option<&'a str>,
    /// The words that each record must contain.
    pub search: Option<&'a str>,
    /// The order of the records, as `total:desc,customer`.
    pub sort: Option<&'a str>,
    /// The fields to return, as `customer,total`.
    pub fields: Option<&'a str>,
    /// The relationships whose records are returned with their labels, as `customer,owner`.
    pub expand: Option<&'a str>,
}

impl ListParams<'_> {
    /// Returns the list for these parameters, without a limit. It holds only records that the viewer may read.
    ///
    /// # Errors
    /// If a parameter is malformed, or names a field that the viewer may not read.
    pub fn read(&self, view: View) -> Result<RecordList, RecordsError> {
        let filter = view.filter(self.filter.unwrap_or_default())?;
        let filter = filter.and(view.search(self.search.unwrap_or_default())?);
        let sort = self.sort.map_or(Ok(Vec::new()), |text| view.sort(text))?;
        let fields = match self.fields {
            Some(names) => view.select(names.split(','))?,
            None => view.fields.clone(),
        };
        let expand = self.expand.map_or(Ok(Vec::new()), |text| view.expand(text))?;
        let cursor = ListCursor::new(&view.table, &[self.filter, self.search, self.sort]);
        let window = Window::first(u32::MAX, sort);
        Ok(RecordList { view, filter, window, fields, expand, cursor })
    }
}
