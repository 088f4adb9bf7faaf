export declare const ROOT: string;
export declare function ensureInstalled(): void;
export declare function ensureBuilt(): void;
export declare function build(): void;
export declare function examples(): { name: string; folder: string; installed: boolean }[];
