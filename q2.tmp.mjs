import { interruptLoop } from './bench/interrupts.mjs';
const Orig = WebAssembly.Instance; let inst, imports;
WebAssembly.Instance = new Proxy(Orig,{construct:(t,[m,i])=>{ imports=i; return inst=new t(m,i)}});
const l = await interruptLoop(1,process.argv[2]??'edge');
const e=inst.exports; const mem=imports.env.memory; const u32=new Uint32Array(mem.buffer);
function b(name,f,N=5e6){ let best=1e9; for(let r=0;r<7;r++){const t=process.hrtime.bigint(); f(N); const d=Number(process.hrtime.bigint()-t)/N; best=Math.min(best,d);} console.log(name,best.toFixed(2)); }
const {signal,read}=e;
const H=0x1200>>2,T=H+1;
b('raw idle read',N=>{let s=0;for(let i=0;i<N;i++){s+=read(0,4,4)}return s});
b('raw denied read',N=>{let s=0;for(let i=0;i<N;i++){s+=read(5,4,4);u32[H]=u32[T]}return s});
b('raw signal+read, effects dropped',N=>{let s=0;for(let i=0;i<N;i++){signal(0,1);u32[H]=u32[T];s+=read(0,4,4);u32[H]=u32[T];}return s});
b('dev idle read',N=>{let s=0;for(let i=0;i<N;i++){s+=l.device.read(0,4,4)}return s});
console.log('loop', l.run(5e6),l.run(5e6));
b('raw signal (active)',N=>{for(let i=0;i<N;i++){signal(0,1);u32[H]=u32[T];}});
b('raw signal bad line',N=>{let s=0;for(let i=0;i<N;i++){s+=signal(7,1);}return s});
b('abiVersion',N=>{let s=0;for(let i=0;i<N;i++){s+=e.abiVersion();}return s});
const ld=imports.host.load; 
b('js load()',N=>{let s=0;for(let i=0;i<N;i++){s+=ld(0x50004,4);}return s});
