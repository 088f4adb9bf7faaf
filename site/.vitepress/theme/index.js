// Uses the reader's system fonts, so that pages stay small.
import DefaultTheme from "vitepress/theme-without-fonts";
import "./style.css";

export default DefaultTheme;
