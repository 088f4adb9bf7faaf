// The reader's own fonts: a page stays small, and looks like the rest of their system.
import DefaultTheme from "vitepress/theme-without-fonts";
import "./style.css";

export default DefaultTheme;
