export function keyText(key: number): string;
export function keyNumber(text: string): number;
export function valueText(number: number): string;
export function valueNumber(text: string): number;
