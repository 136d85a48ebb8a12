//! Components as declared and checked: one file per type of component. Each implements `ComponentType`.

pub mod button;
pub mod chart;
pub mod component;
pub mod component_type;
pub mod container;
pub mod data_table;
pub mod details;
pub mod divider;
pub mod form;
pub mod gallery;
pub mod html;
pub mod image;
pub mod kpi;
pub mod link;
pub mod list;
pub mod markdown;
pub mod presence;
pub mod text;

/// Calls a macro with the list of all components, from which `model`, `components` and `render` make their
/// enums and matches. Each line has the `type` in YAML, the module (of the same name in all three), the type
/// in `model`, and the `Raw…` type in `components` that reads the YAML.
macro_rules! with_components {
    ($callback:ident) => {
        $callback! {
            "container" => container::Container<Component>, RawContainer;
            "text" => text::Text, RawText;
            "link" => link::Link, RawLink;
            "button" => button::Button, RawButton;
            "image" => image::Image, RawImage;
            "divider" => divider::Divider, RawDivider;
            "markdown" => markdown::Markdown, RawMarkdown;
            "html" => html::Html, RawHtml;
            "dataTable" => data_table::DataTable, RawDataTable;
            "list" => list::List, RawList;
            "gallery" => gallery::Gallery, RawGallery;
            "details" => details::Details, RawDetails;
            "form" => form::Form, RawForm;
            "kpi" => kpi::Kpi, RawKpi;
            "chart" => chart::Chart, RawChart;
            "presence" => presence::PresenceList, RawPresence;
        }
    };
}
pub(crate) use with_components;
